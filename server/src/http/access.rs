//! Who gets in: the address of a request is counted, its key verified, and the key counted.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};

use super::address::{Address, Peer, Proxy, origin};
use super::code::Code;
use super::guard::Refused;
use super::keys::{KeyStats, Keys};
use super::limits::Limits;
use crate::graphql::Caller;
use crate::limit::{Lookups, Rate, Shared};

/// Requests a second that each key, and each address, may make where keys are asked for and nothing
/// else is said.
const REQUESTS_PER_SECOND: u32 = 1_000;
/// Look-ups a minute that each key may make where nothing else is said.
const LOOKUPS_PER_MINUTE: u32 = 5;

/// How callers are known.
pub enum Callers {
    /// Not at all: everybody is this one.
    Everybody(Caller),
    /// By their keys.
    Keys(Keys),
}

/// What callers were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccessStats {
    /// How they fared with their keys; nothing where none are asked for.
    pub keys: Option<KeyStats>,
    /// Requests that were one too many of a key.
    pub requests_refused_by_key: u64,
    /// Requests that were one too many of an address.
    pub requests_refused_by_address: u64,
    /// Look-ups that were one too many.
    pub lookups_refused: u64,
}

/// Who gets in.
pub struct Access {
    callers: Callers,
    by_address: Option<Rate<Address>>,
    by_key: Option<Rate<String>>,
    lookups: Arc<Lookups>,
    proxies: Vec<Proxy>,
}

impl Access {
    /// For these callers, counted together with other servers where they share something. Where
    /// everybody is the same caller, only what is said in the limits is limited.
    pub fn new(callers: Callers, limits: &Limits, shared: Option<&Shared>) -> Self {
        let usual = |most| if matches!(callers, Callers::Keys(_)) { most } else { 0 };
        let most = |said: Option<u32>, usual| NonZeroU32::new(said.unwrap_or(usual));
        let requests = usual(REQUESTS_PER_SECOND);
        let by_address = most(limits.requests_per_address, requests)
            .map(|most| Rate::new("address", most, shared.cloned()));
        let by_key = most(limits.requests_per_key, requests)
            .map(|most| Rate::new("key", most, shared.cloned()));
        let lookups = most(limits.lookups, usual(LOOKUPS_PER_MINUTE));
        let lookups = Arc::new(Lookups::new(lookups, shared.cloned()));
        let proxies = limits.trusted_proxies.clone();
        Self { callers, by_address, by_key, lookups, proxies }
    }

    /// What was refused.
    pub fn stats(&self) -> AccessStats {
        AccessStats {
            keys: match &self.callers {
                Callers::Everybody(_) => None,
                Callers::Keys(keys) => Some(keys.stats()),
            },
            requests_refused_by_key: self.by_key.as_ref().map_or(0, Rate::refused),
            requests_refused_by_address: self.by_address.as_ref().map_or(0, Rate::refused),
            lookups_refused: self.lookups.refused(),
        }
    }

    /// What look-ups are counted by.
    pub(super) fn lookups(&self) -> &Arc<Lookups> {
        &self.lookups
    }

    /// Whose request this is. `peer` is missing where it came over no socket.
    ///
    /// # Errors
    ///
    /// Where the caller is not known, or asks too often.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        peer: Option<Peer>,
    ) -> Result<Caller, Refused> {
        self.count_address(headers, peer).await?;
        let caller = self.know(headers).await?;
        self.count_key(&caller).await?;
        Ok(caller)
    }

    /// Whose key is shown, without counting it as a request.
    ///
    /// # Errors
    ///
    /// Where the caller is not known.
    pub(super) async fn know(&self, headers: &HeaderMap) -> Result<Caller, Refused> {
        match &self.callers {
            Callers::Everybody(caller) => {
                called_by_this_machine(headers)?;
                sent_by_this_machine(headers)?;
                Ok(caller.clone())
            }
            Callers::Keys(keys) => keys.caller(shown(headers)?).await,
        }
    }

    /// Counts a further request of a caller who was admitted, with the same headers.
    ///
    /// # Errors
    ///
    /// Where it is one too many.
    pub(super) async fn count(
        &self,
        headers: &HeaderMap,
        peer: Option<Peer>,
        caller: &Caller,
    ) -> Result<(), Refused> {
        self.count_address(headers, peer).await?;
        self.count_key(caller).await
    }

    async fn count_address(&self, headers: &HeaderMap, peer: Option<Peer>) -> Result<(), Refused> {
        let Some(rate) = &self.by_address else { return Ok(()) };
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let taken = rate.take(&origin(headers, peer, &self.proxies)).await;
        taken.map_err(|wait| too_many("this address", wait))
    }

    async fn count_key(&self, caller: &Caller) -> Result<(), Refused> {
        let Some(rate) = &self.by_key else { return Ok(()) };
        let taken = rate.take(&caller.name).await;
        taken.map_err(|wait| too_many("this key", wait))
    }
}

/// Refuses what was sent to another name than this machine's. A page of the internet whose name has
/// come to lead to 127.0.0.1 would else be answered like its owner.
fn called_by_this_machine(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    if authority.as_ref().is_some_and(|authority| is_this_machine(authority.host())) {
        return Ok(());
    }
    let message = format!(
        "expected a name of this machine such as localhost or 127.0.0.1, found {host:?}: without \
         API keys nobody else is answered; start the server with --auth keys"
    );
    Err(Refused::new(Code::Forbidden, message))
}

/// Headers by which proxies tell whom they were asked by.
const SENT_BY: [&str; 3] = ["x-forwarded-for", "x-real-ip", "forwarded"];

/// Refuses what a proxy passed on for somebody elsewhere.
fn sent_by_this_machine(headers: &HeaderMap) -> Result<(), Refused> {
    for name in SENT_BY {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let mut addresses = values.flat_map(|value| value.split(','));
        if let Some(other) = addresses.find(|it| !is_loopback(it)) {
            let message = format!(
                "expected a request of this machine, found one that was passed on for {other:?} \
                 ({name}): without API keys nobody else is answered; start the server with --auth \
                 keys"
            );
            return Err(Refused::new(Code::Forbidden, message));
        }
    }
    Ok(())
}

/// Whether a proxy names an address of this machine: `::1`, or `for="[::1]:1234"`.
fn is_loopback(named: &str) -> bool {
    let first = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let named = first.strip_prefix("for=").unwrap_or(&first).trim_matches('"');
    let host = named.parse::<Authority>().map_or_else(|_| named.to_owned(), |it| it.host().into());
    address(&host).is_some_and(|address| address.is_loopback())
}

fn is_this_machine(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    address(host).map_or(name == "localhost" || name.ends_with(".localhost"), |it| it.is_loopback())
}

/// The address that an authority's host is; one of IPv6 is in brackets.
fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn too_many(whose: &str, wait: Duration) -> Refused {
    let message = format!("expected fewer requests a second of {whose}; wait and try again");
    Refused::new(Code::TooManyRequests, message).with_wait(wait)
}

/// The key that a request shows.
fn shown(headers: &HeaderMap) -> Result<&str, Refused> {
    let refused = |found: &str| {
        let message = format!("expected the header `authorization: Bearer KEY`, found {found}");
        Refused::new(Code::Unauthenticated, message)
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refused("none"))?;
    if values.next().is_some() {
        return Err(refused("several"));
    }
    let parts = value.to_str().ok().and_then(|it| it.trim().split_once(' '));
    match parts {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim_start()),
        _ => Err(refused("another")),
    }
}
