//! Host names to addresses, by `getaddrinfo`.

use core::ffi::CStr;
use core::ptr::{NonNull, null, null_mut};
use libc::{AF_INET, AF_INET6, AF_UNSPEC, SOCK_STREAM, addrinfo, c_int};

/// Which addresses to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4; IPv6 where that fails.
    V4,
    /// IPv6; IPv4 where that fails.
    V6,
    /// Both, in the resolver's order.
    Any,
}

/// The addresses of a host, in the order to try them.
#[derive(Debug)]
pub(crate) struct Addresses {
    first: NonNull<addrinfo>,
    /// The addresses of this family (an `AF_*`) come before the others.
    preferred: c_int,
}

// SAFETY: the list belongs to this value alone, and is plain memory.
unsafe impl Send for Addresses {}

impl Addresses {
    /// Looks a host up for a TCP connection; no host is the loopback. `Err` is an `EAI_*` code.
    pub(crate) fn of_peer(host: Option<&CStr>, port: c_int, family: Family) -> Result<Self, c_int> {
        let service = Service::new(port)?;
        let (first, second) = match family {
            Family::V4 => (AF_INET, Some(AF_INET6)),
            Family::V6 => (AF_INET6, Some(AF_INET)),
            Family::Any => (AF_UNSPEC, None),
        };
        let found = Self::look_up(host, service.text(), first, 0);
        match (found, second) {
            // The other family's answer would hide that memory is short.
            (Err(code), Some(second)) if code != libc::EAI_MEMORY => {
                Self::look_up(host, service.text(), second, 0)
            }
            (found, _) => found,
        }
    }

    /// The addresses of one family (an `AF_*`) alone.
    pub(crate) fn of_family(
        host: Option<&CStr>,
        port: c_int,
        family: c_int,
    ) -> Result<Self, c_int> {
        Self::look_up(host, Service::new(port)?.text(), family, 0)
    }

    /// As `of_peer` with the addresses of every family, the one that `family` names before the other.
    pub(crate) fn of_every_family(
        host: Option<&CStr>,
        port: c_int,
        family: Family,
    ) -> Result<Self, c_int> {
        let service = Service::new(port)?;
        Ok(Self::look_up(host, service.text(), AF_UNSPEC, 0)?.preferring(family))
    }

    /// The same for a host that needs no looking up; `None` for a name.
    pub(crate) fn of_number(
        host: Option<&CStr>,
        port: c_int,
        family: Family,
    ) -> Result<Option<Self>, c_int> {
        let service = Service::new(port)?;
        match Self::look_up(host, service.text(), AF_UNSPEC, libc::AI_NUMERICHOST) {
            Ok(found) => Ok(Some(found.preferring(family))),
            Err(libc::EAI_NONAME) => Ok(None),
            Err(code) => Err(code),
        }
    }

    fn preferring(mut self, family: Family) -> Self {
        self.preferred = match family {
            Family::V4 => AF_INET,
            Family::V6 => AF_INET6,
            Family::Any => AF_UNSPEC,
        };
        self
    }

    /// Looks a local address up, to bind a socket of `family` (an `AF_*`) to.
    pub(crate) fn of_source(source: &CStr, family: c_int) -> Result<Self, c_int> {
        Self::look_up(Some(source), None, family, 0)
    }

    fn look_up(
        host: Option<&CStr>,
        service: Option<&CStr>,
        family: c_int,
        flags: c_int,
    ) -> Result<Self, c_int> {
        // SAFETY: zeroes are a value of every field, the pointers among them NULL.
        let mut hints: addrinfo = unsafe { core::mem::zeroed() };
        hints.ai_family = family;
        hints.ai_flags = flags;
        hints.ai_socktype = SOCK_STREAM;
        let mut list = null_mut();
        // SAFETY: the strings are NUL-terminated or NULL, `list` receives the result.
        let status = unsafe {
            libc::getaddrinfo(
                host.map_or(null(), CStr::as_ptr),
                service.map_or(null(), CStr::as_ptr),
                &raw const hints,
                &raw mut list,
            )
        };
        match NonNull::new(list) {
            Some(first) if status == 0 => Ok(Self {
                first,
                preferred: AF_UNSPEC,
            }),
            _ => Err(if status == 0 {
                libc::EAI_NONAME
            } else {
                status
            }),
        }
    }

    /// The addresses, from the first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &addrinfo> {
        let preferred = move |entry: &&addrinfo| entry.ai_family == self.preferred;
        let others = move |entry: &&addrinfo| entry.ai_family != self.preferred;
        self.list()
            .filter(preferred)
            .chain(self.list().filter(others))
    }

    fn list(&self) -> impl Iterator<Item = &addrinfo> {
        // SAFETY: the list lives as long as `self`, and each entry's `ai_next` is NULL or valid.
        core::iter::successors(Some(unsafe { self.first.as_ref() }), |entry| unsafe {
            entry.ai_next.as_ref()
        })
    }
}

/// A port as `getaddrinfo` takes it: in decimal, leading zeros allowed.
struct Service([u8; 6]);

impl Service {
    fn new(port: c_int) -> Result<Self, c_int> {
        let port = u16::try_from(port).map_err(|_| libc::EAI_SERVICE)?;
        let mut text = [0; 6];
        for (digit, unit) in text.iter_mut().zip([10_000, 1_000, 100, 10, 1]) {
            *digit = b'0' + (port / unit % 10) as u8;
        }
        Ok(Self(text))
    }

    fn text(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.0).ok()
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // SAFETY: the list came from `getaddrinfo` and is freed once.
        unsafe { libc::freeaddrinfo(self.first.as_ptr()) }
    }
}
