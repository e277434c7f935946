//! `scheme://[user[:password]@]host[:port][,host…][/db][?name=value&…]`, and
//! `unix:///path[?name=value&…]`.

use super::options::{ClientOption, Settings};
use super::problem::{Problem, Reason};
use super::{Endpoint, Topology};
use crate::text::{self, OutOfMemory};
use percent_encoding::percent_decode_str;

/// The port of servers, and the one of sentinels.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

const SCHEME: Problem = Problem::Url(
    "the scheme must be redis, rediss, valkey or valkeys, alone or with +sentinel or +cluster, or unix",
);

/// What a URL says besides the values of options.
pub(super) struct Target {
    pub(super) topology: Topology,
    pub(super) tls: bool,
    pub(super) endpoints: Vec<Endpoint>,
}

/// Reads a URL into `settings`, and returns the rest of what it says.
pub(super) fn parse(url: &str, settings: &mut Settings) -> Result<Target, Problem> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Problem::Url(
            "a scheme and :// are expected, as in redis://",
        ));
    };
    if rest.contains('#') {
        return Err(Problem::Url("# is not allowed; write %23"));
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let target = match scheme {
        "unix" | "redis+unix" => unix(place, settings)?,
        _ => network(scheme, place, settings)?,
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Problem::option(&decode(pair)?, Reason::NoValue));
        };
        set(settings, &decode(name)?, &decode(value)?)?;
    }
    Ok(target)
}

/// Sets the option of a name to the value that a text means.
pub(super) fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), Problem> {
    let Some(option) = ClientOption::find(name) else {
        return Err(Problem::option(name, Reason::Unknown));
    };
    option
        .set(settings, value)
        .map_err(|invalid| Problem::option(name, Reason::Value(invalid)))
}

fn unix(place: &str, settings: &mut Settings) -> Result<Target, Problem> {
    let (credentials, path) = split_credentials(place);
    authenticate(credentials, settings)?;
    if !path.starts_with('/') {
        return Err(Problem::Url("a path that begins with / is expected"));
    }
    let mut endpoints = Vec::new();
    text::append(&mut endpoints, Endpoint::Unix(decode(path)?))?;
    Ok(Target {
        topology: Topology::Standalone,
        tls: false,
        endpoints,
    })
}

fn network(scheme: &str, place: &str, settings: &mut Settings) -> Result<Target, Problem> {
    let (base, topology) = match scheme.split_once('+') {
        None => (scheme, Topology::Standalone),
        Some((base, "sentinel")) => (base, Topology::Sentinel),
        Some((base, "cluster")) => (base, Topology::Cluster),
        Some(_) => return Err(SCHEME),
    };
    let tls = match base {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        _ => return Err(SCHEME),
    };
    let (credentials, place) = split_credentials(place);
    authenticate(credentials, settings)?;
    let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
    if !path.is_empty() {
        set(settings, "db", &decode(path)?)?;
    }
    let port = if topology == Topology::Sentinel {
        SENTINEL_PORT
    } else {
        PORT
    };
    let mut endpoints = Vec::new();
    for host in hosts.split(',') {
        text::append(&mut endpoints, endpoint(host, port)?)?;
    }
    if topology == Topology::Standalone && endpoints.len() > 1 {
        return Err(Problem::Url(
            "several hosts need +sentinel or +cluster behind the scheme",
        ));
    }
    Ok(Target {
        topology,
        tls,
        endpoints,
    })
}

/// What stands before the last `@` of the place, and what behind. A path may hold further `@`.
fn split_credentials(place: &str) -> (Option<&str>, &str) {
    let authority = place.find('/').unwrap_or(place.len());
    match place
        .get(..authority)
        .and_then(|authority| authority.rfind('@'))
    {
        Some(at) => (place.get(..at), place.get(at + 1..).unwrap_or("")),
        None => (None, place),
    }
}

fn authenticate(credentials: Option<&str>, settings: &mut Settings) -> Result<(), Problem> {
    let Some(credentials) = credentials else {
        return Ok(());
    };
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (credentials, None),
    };
    if !user.is_empty() {
        set(settings, "user", &decode(user)?)?;
    }
    match password {
        Some(password) => set(settings, "password", &decode(password)?),
        None => Ok(()),
    }
}

/// A host and its port. An address of IPv6 stands in brackets. No host is this machine.
fn endpoint(place: &str, default_port: u16) -> Result<Endpoint, Problem> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let Some((host, rest)) = rest.split_once(']') else {
                return Err(Problem::Url("a closing bracket is missing"));
            };
            match (rest.is_empty(), rest.strip_prefix(':')) {
                (true, _) => (host, None),
                (_, Some(port)) => (host, Some(port)),
                _ => return Err(Problem::Url("a port is expected behind the bracket")),
            }
        }
        None => match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(Problem::Url("an address of IPv6 is expected in brackets"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let port = match port {
        None | Some("") => default_port,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err(Problem::Url("a port of 1 to 65535 is expected")),
        },
        Some(_) => return Err(Problem::Url("a port of 1 to 65535 is expected")),
    };
    Ok(Endpoint::Tcp {
        host: decode(host)?,
        port,
    })
}

/// The text that a percent-encoded one means.
fn decode(encoded: &str) -> Result<String, Problem> {
    let mut rest = encoded;
    while let Some((_, behind)) = rest.split_once('%') {
        let complete =
            behind.len() >= 2 && behind.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
        if !complete {
            return Err(Problem::Url("two hexadecimal digits are expected behind %"));
        }
        rest = behind;
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(encoded.len())
        .map_err(OutOfMemory::from)?;
    bytes.extend(percent_decode_str(encoded));
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        Ok(_) => Err(Problem::Url("%00 is not allowed")),
        Err(_) => Err(Problem::Url("percent-encoded text must be UTF-8")),
    }
}
