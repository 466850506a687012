//! Passwords of sessions: hashed off the threads that serve requests, and a limit for those who guess (F6).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::session::PasswordDigest;
use model::wire::{PASSWORD_CHARS_MAX, Password};
use model::{Millis, PlayerId, Timestamp};
use rand::Rng;
use tokio::sync::Semaphore;

use super::Core;
use super::asked::{Asked, reader};
use crate::{Error, Principal};

/// Wrong passwords that one player may send within [`TRIES_WINDOW`], to all sessions together.
pub const TRIES_MAX: u32 = 10;
/// How long wrong passwords count, from the first of them on.
pub const TRIES_WINDOW: Millis = Millis::seconds(60);
/// Players whose wrong passwords are counted at a time; beyond it the oldest counts are let go.
const COUNTED_MAX: usize = 100_000;
/// Passwords that are hashed at a time; each takes [`MEMORY_KIB`] and a processor. Others wait.
const HASHING_MAX: usize = 2;
/// Passwords that are hashed or wait for it at a time; beyond it 429.
const WAITING_MAX: usize = 256;
/// Argon2id with what OWASP advises where memory is dear: 7 MiB, five passes, one lane.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
const DIGEST_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// What is needed to hash and to count.
pub(crate) struct Passwords {
    waiting: Semaphore,
    hashing: Semaphore,
    tries: Mutex<BTreeMap<PlayerId, Tries>>,
}

#[derive(Clone, Copy)]
struct Tries {
    since: Timestamp,
    count: u32,
}

impl Core {
    /// What the password that a joiner gives comes to, where it matters: only to players who may look at the session
    /// and have neither a seat nor an invite.
    ///
    /// # Errors
    /// 422 when it is too long, 429 for a player who has been wrong too often.
    pub(crate) async fn try_password(
        &self,
        asked: &Asked<'_>,
        player: &PlayerId,
        password: Option<Password>,
    ) -> Result<Option<PasswordDigest>, Error> {
        let Some(password) = password.filter(|password| !password.0.is_empty()) else {
            return Ok(None);
        };
        check(&password)?;
        let session = self.settled(asked.session).await?;
        let header = session.header();
        let passes = session.member_of(player).is_some()
            || header.invites.of(player).is_some()
            || !matches!(asked.who, Principal::Player { .. });
        let Some(kept) = header.password.as_ref().filter(|_| !passes) else {
            return Ok(None);
        };
        if reader(asked.who, &session).is_none() {
            return Ok(None);
        }
        self.passwords.count(player, self.now())?;
        let digest = self.passwords.digest(&password, kept.salt.clone()).await?;
        Ok(Some(digest))
    }

    /// Whether an attempt was a wrong one: it was not if the player got in, or would have with more space.
    pub(crate) fn judge_password(&self, player: &PlayerId, refusal: Option<&Error>) {
        use model::session::Error as Law;
        let right = match refusal {
            None => true,
            Some(Error::Law(law)) => matches!(law, Law::SessionFull | Law::TeamFull),
            Some(_) => false,
        };
        if right {
            self.passwords.right(player);
        }
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Semaphore::new(WAITING_MAX),
            hashing: Semaphore::new(HASHING_MAX),
            tries: Mutex::default(),
        }
    }

    /// What is to be kept of a new password, with a salt of its own.
    ///
    /// # Errors
    /// 422 when it is too long.
    pub(crate) async fn keep(&self, password: &Password) -> Result<PasswordDigest, Error> {
        check(password)?;
        let mut salt = [0; SALT_BYTES];
        #[expect(
            clippy::disallowed_methods,
            reason = "a salt is nobody's to repeat; no decision depends on it"
        )]
        rand::rng().fill_bytes(&mut salt);
        self.digest(password, STANDARD_NO_PAD.encode(salt)).await
    }

    /// The password was right: the attempt counts no more.
    fn right(&self, player: &PlayerId) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tries.get_mut(player) {
            known.count = known.count.saturating_sub(1);
        }
    }

    /// Counts an attempt; it counts as wrong until [`Passwords::right`] says otherwise.
    fn count(&self, player: &PlayerId, now: Timestamp) -> Result<(), Error> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= COUNTED_MAX && !tries.contains_key(player) {
            tries.retain(|_, known| known.since + TRIES_WINDOW > now && known.count > 0);
            let oldest = tries.iter().min_by_key(|(_, known)| known.since);
            if tries.len() >= COUNTED_MAX
                && let Some(oldest) = oldest.map(|(player, _)| player.clone())
            {
                tries.remove(&oldest);
            }
        }
        let fresh = Tries {
            since: now,
            count: 0,
        };
        let known = tries.entry(player.clone()).or_insert(fresh);
        let over = known.since + TRIES_WINDOW;
        if over <= now || known.count == 0 {
            *known = fresh;
        } else if known.count >= TRIES_MAX {
            metrics::counter!("muster_limit_hits_total", "limit" => "password_tries").increment(1);
            return Err(Error::TooManyTries {
                wait: over.since(now),
            });
        }
        known.count += 1;
        Ok(())
    }

    async fn digest(&self, password: &Password, salt: String) -> Result<PasswordDigest, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("hashing: {error}"));
        let _place = self.waiting.try_acquire().map_err(|_| Error::Overloaded)?;
        let _turn = self
            .hashing
            .acquire()
            .await
            .map_err(|error| failed(&error))?;
        let password = password.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            let mut digest = [0; DIGEST_BYTES];
            let params = Params::new(MEMORY_KIB, PASSES, 1, Some(DIGEST_BYTES))?;
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                password.0.as_bytes(),
                salt.as_bytes(),
                &mut digest,
            )?;
            Ok::<_, argon2::Error>(PasswordDigest {
                salt,
                digest: STANDARD_NO_PAD.encode(digest),
            })
        });
        let hashed = hashed.await.map_err(|error| failed(&error))?;
        hashed.map_err(|error| failed(&error))
    }
}

fn check(password: &Password) -> Result<(), Error> {
    if password.0.chars().count() > PASSWORD_CHARS_MAX {
        return Err(Error::Invalid {
            field: "password".into(),
            detail: format!("it has at most {PASSWORD_CHARS_MAX} characters"),
        });
    }
    Ok(())
}
