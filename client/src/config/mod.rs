//! The configuration of a client: a URL, and options by name.

mod options;
mod problem;
#[cfg(test)]
mod tests;
mod url;
mod value;

pub use options::{ClientOption, OPTIONS, Settings};
pub use problem::{Problem, Reason};
pub use value::{Bytes, Count, Invalid, IoThread, Protocol, ReadFrom, RetryPolicy, Secret};

/// How servers are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// There is one server.
    Standalone,
    /// Sentinels say which server is the master.
    Sentinel,
    /// Several servers share the keys.
    Cluster,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// By TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// At a path of the file system.
    Unix(String),
}

/// The URL that stands for none.
const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// The configuration of a client. It keeps the first problem: a client that is made of it says so.
#[derive(Clone, Debug)]
pub struct Config {
    settings: Settings,
    topology: Topology,
    tls: bool,
    endpoints: Vec<Endpoint>,
    problem: Option<Problem>,
}

impl Config {
    /// The configuration that a URL describes; `None` is `redis://127.0.0.1:6379`.
    pub fn new(url: Option<&str>) -> Self {
        let mut config = Self {
            settings: Settings::new(),
            topology: Topology::Standalone,
            tls: false,
            endpoints: Vec::new(),
            problem: None,
        };
        match url::parse(url.unwrap_or(DEFAULT_URL), &mut config.settings) {
            Ok(target) => {
                config.topology = target.topology;
                config.tls = target.tls;
                config.endpoints = target.endpoints;
            }
            Err(problem) => config.problem = Some(problem),
        }
        config
    }

    /// Sets the option of a name to the value that a text means. The option keeps its value if that
    /// fails, and the configuration the first problem.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let done = url::set(&mut self.settings, name, value);
        if let Err(problem) = done {
            self.problem.get_or_insert(problem);
        }
        done
    }

    /// The value of an option as text: of a secret, `***`; `None` if it is not set.
    pub fn get(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(option) = ClientOption::find(name) else {
            return Err(Problem::option(name, Reason::Unknown));
        };
        Ok(option.get(&self.settings)?)
    }

    /// What is wrong, if anything is: what was wrong first, or what the parts do not allow together.
    pub fn problem(&self) -> Option<Problem> {
        self.problem.or_else(|| self.contradiction())
    }

    fn contradiction(&self) -> Option<Problem> {
        let settings = &self.settings;
        if self.topology == Topology::Sentinel && settings.master_name.is_none() {
            return Some(Problem::option("master_name", Reason::NoValue));
        }
        if settings.user.is_some() && settings.password.is_none() {
            return Some(Problem::option("password", Reason::NoValue));
        }
        if settings.tls_cert.is_some() && settings.tls_key.is_none() {
            return Some(Problem::option("tls_key", Reason::NoValue));
        }
        if settings.tls_key.is_some() && settings.tls_cert.is_none() {
            return Some(Problem::option("tls_cert", Reason::NoValue));
        }
        (self.topology == Topology::Cluster && settings.db.get() != 0)
            .then_some(Problem::Url("a cluster has database 0 alone"))
    }

    /// The values of all options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How servers are found.
    pub fn topology(&self) -> Topology {
        self.topology
    }

    /// Whether connections are encrypted.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The servers that the URL names: one, or the sentinels or some nodes of a cluster.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}
