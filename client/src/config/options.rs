//! The options: one table for setting, reading back, enumerating and documenting them.

use super::value::{
    Bytes, Count, Invalid, IoThread, Protocol, ReadFrom, RetryPolicy, Secret, Value,
};
use crate::text::OutOfMemory;
use std::time::Duration;

/// An option, as programs see it.
#[derive(Clone, Copy)]
pub struct ClientOption {
    /// Its name.
    pub name: &'static str,
    /// Names of other clients for the same.
    pub aliases: &'static [&'static str],
    /// What kind of value it has.
    pub kind: &'static str,
    /// Whether its value is shown only as `***`.
    pub secret: bool,
    /// What it is for, in one line.
    pub help: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), Invalid>,
    get: fn(&Settings) -> Result<Option<String>, OutOfMemory>,
}

impl ClientOption {
    /// The option of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        OPTIONS
            .iter()
            .find(|option| option.name == name || option.aliases.contains(&name))
    }

    /// Sets the option to the value that `text` means. `settings` is unchanged if that fails.
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<(), Invalid> {
        (self.set)(settings, text)
    }

    /// The value as text, which `set` takes; `None` if it is not set.
    pub fn get(&self, settings: &Settings) -> Result<Option<String>, OutOfMemory> {
        (self.get)(settings)
    }
}

macro_rules! options {
    ($($field:ident $(| $alias:literal)*: $type:ty = $default:expr, $help:literal;)+) => {
        /// The values of all options.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $(#[doc = $help] pub $field: $type,)+
        }

        impl Settings {
            /// Every option at its default.
            pub const fn new() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// Every option.
        pub static OPTIONS: &[ClientOption] = &[$(ClientOption {
            name: stringify!($field),
            aliases: &[$($alias),*],
            kind: <$type as Value>::TYPE,
            secret: <$type as Value>::SECRET,
            help: $help,
            set: |settings, text| {
                settings.$field = Value::parse(text)?;
                Ok(())
            },
            get: |settings| settings.$field.print(),
        },)+];
    };
}

options! {
    user | "username": Option<String> = None,
        "The user to authenticate as; without it, the server's default user";
    password: Option<Secret> = None,
        "The password of the user";
    db | "database": Count<0, 2147483647> = Count::new(0),
        "The database that is selected";
    protocol | "resp": Protocol = Protocol::Resp3,
        "The version of RESP to ask for";
    client_name | "name": Option<String> = None,
        "The name of the connections on the server";
    timeout | "socket_timeout": Duration = Duration::from_secs(5),
        "The time until a command completes, all attempts included; 0: without limit";
    connect_timeout | "socket_connect_timeout": Duration = Duration::from_secs(5),
        "The time for one attempt to connect, from the name to the last answer of the handshake";
    ping_interval: Duration = Duration::from_secs(5),
        "The time without traffic after which the client sends PING";
    stall_timeout: Duration = Duration::from_secs(10),
        "The time without traffic after which a connection that owes a reply is given up";
    retry | "retry_policy": RetryPolicy = RetryPolicy::Safe,
        "After which outcomes of an attempt another attempt is made";
    fail_fast: bool = false,
        "Whether commands fail at once while there is no connection";
    connections | "pool_size": Count<1, 1024> = Count::new(1),
        "The number of connections to each node";
    io_thread: IoThread = IoThread::Own,
        "Which thread does the input and output if there is no loop of the program's";
    read_from: ReadFrom = ReadFrom::Master,
        "Which nodes answer commands that only read";
    max_waiting: Count<1, 4294967295> = Count::new(65_536),
        "The number of commands that may wait to be sent";
    max_waiting_bytes: Bytes<1024, 1099511627776> = Bytes::new(64 << 20),
        "The bytes of the commands that may wait to be sent";
    max_in_flight: Count<1, 4294967295> = Count::new(65_536),
        "The number of commands on one connection that wait for a reply";
    max_reply: Bytes<1024, 1099511627776> = Bytes::new(512 << 20),
        "The bytes of the longest reply; a longer one ends the connection";
    max_subscriptions: Count<1, 4294967295> = Count::new(1 << 20),
        "The number of names that may be subscribed";
    max_leases: Count<1, 65536> = Count::new(128),
        "The number of connections that may be leased at a time";
    max_waiting_for_lease: Count<1, 4294967295> = Count::new(1024),
        "The number of commands that may wait for a leased connection";
    master_name | "service_name": Option<String> = None,
        "The name of the master that the sentinels watch";
    sentinel_user | "sentinel_username": Option<String> = None,
        "The user to authenticate as on sentinels";
    sentinel_password: Option<Secret> = None,
        "The password of the user on sentinels";
    tls_ca | "ssl_ca_certs" | "tls_ca_cert_file": Option<String> = None,
        "A file of certificates to trust, in PEM; without it, those of the system";
    tls_ca_dir | "ssl_ca_path": Option<String> = None,
        "A folder of certificates to trust";
    tls_cert | "ssl_certfile": Option<String> = None,
        "The file of the client's own certificate, in PEM";
    tls_key | "ssl_keyfile": Option<String> = None,
        "The file of the key to the client's own certificate";
    tls_verify | "ssl_verify": bool = true,
        "Whether the server's certificate and its name are verified";
    tls_name | "ssl_server_name": Option<String> = None,
        "The name that the certificate must have; without it, the host's";
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
