//! Passwords of sessions: hashed off the threads that serve requests, and a limit for those who guess (F6).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::session::{PasswordDigest, SetPassword};
use model::session_type::JoinabilityBy;
use model::wire::{PASSWORD_CHARS_MAX, Password};
use model::{Millis, PlayerId, Timestamp};
use rand::Rng;
use tokio::sync::Semaphore;

use super::Core;
use super::asked::{Asked, reader};
use super::write::not_found;
use crate::{Error, Principal};

/// Wrong passwords that one player may send within [`TRIES_WINDOW`], to all sessions together.
pub const TRIES_MAX: u32 = 10;
/// How long wrong passwords count, from the first of them on.
pub const TRIES_WINDOW: Millis = Millis::seconds(60);
/// Players whose wrong passwords are counted at a time; beyond it 429.
const COUNTED_MAX: usize = 100_000;
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
        let salt = kept.salt.clone();
        // Hashing takes long, and others have business with the session meanwhile.
        drop(session);
        let digest = self.passwords.digest(&password, salt).await;
        if digest.is_err() {
            self.passwords.right(player);
        }
        digest.map(Some)
    }

    /// What becomes of a session's password: empty is none (R12), the one that it has stays as it is kept. Only that
    /// of who may set it is worth hashing; nobody else is to learn from the answer, or from how long it takes,
    /// whether he has guessed it.
    ///
    /// # Errors
    /// 403, 404, 422 when it is too long.
    pub(crate) async fn new_password(
        &self,
        asked: &Asked<'_>,
        password: &Password,
    ) -> Result<SetPassword, Error> {
        if password.0.is_empty() {
            return Ok(SetPassword::Remove);
        }
        check(password)?;
        let session = self.settled(asked.session).await?;
        reader(asked.who, &session).ok_or_else(|| not_found(asked.session))?;
        if let Principal::Player { player, .. } = asked.who {
            let member = session.member_of(player).filter(|one| one.is_joined());
            let member = member.ok_or(model::session::Error::NotAMember)?;
            let by_leader = session.constants().session_type.joinability_by;
            let leads = session.header().leader == Some(member.index);
            if by_leader == JoinabilityBy::Leader && !leads {
                return Err(model::session::Error::NotLeader.into());
            }
        }
        let kept = session.header().password.clone();
        // Hashing takes long, and others have business with the session meanwhile.
        drop(session);
        if let Some(kept) = kept
            && self.passwords.digest(password, kept.salt.clone()).await? == kept
        {
            return Ok(SetPassword::To(kept));
        }
        Ok(SetPassword::To(self.passwords.keep(password).await?))
    }

    /// Whether an attempt was a wrong one: only the law says so, and of nothing else but the password.
    pub(crate) fn judge_password(&self, player: &PlayerId, refusal: Option<&Error>) {
        use model::session::Error as Law;
        let wrong = matches!(
            refusal,
            Some(Error::Law(Law::WrongPassword | Law::PasswordNeeded))
        );
        if !wrong {
            self.passwords.right(player);
        }
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Semaphore::new(WAITING_MAX),
            hashing: Semaphore::new(hashing_max()),
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

    /// The password was right, or nobody looked at it: the attempt counts no more.
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
            if tries.len() >= COUNTED_MAX {
                limit_hit("passwords_counted");
                return Err(Error::Overloaded);
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
            limit_hit("password_tries");
            return Err(Error::TooManyTries {
                wait: over.since(now),
            });
        }
        known.count += 1;
        Ok(())
    }

    async fn digest(&self, password: &Password, salt: String) -> Result<PasswordDigest, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("hashing: {error}"));
        let _place = self.waiting.try_acquire().map_err(|_| {
            limit_hit("passwords_hashed");
            Error::Overloaded
        })?;
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

/// Passwords that are hashed at a time, each with a processor and [`MEMORY_KIB`] of its own; others wait.
fn hashing_max() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2))
}

/// Counted where the limits of HTTP are.
fn limit_hit(limit: &'static str) {
    metrics::counter!("muster_http_limit_hits_total", "limit" => limit).increment(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn f6_what_is_kept_is_salted_and_comes_of_the_same_password_and_salt_alone() {
        let passwords = Passwords::new();
        let sesame = Password("sesame".into());
        let kept = passwords.keep(&sesame).await.expect("a digest");
        let other = passwords.keep(&sesame).await.expect("a digest");
        assert_ne!((&kept.salt, &kept.digest), (&other.salt, &other.digest));
        let again = passwords.digest(&sesame, kept.salt.clone()).await;
        assert_eq!(again.expect("a digest"), kept);
        let wrong = Password("sesam".into());
        let wrong = passwords.digest(&wrong, kept.salt.clone()).await;
        assert_ne!(wrong.expect("a digest").digest, kept.digest);
        assert!(!format!("{sesame:?}").contains("sesame"));
    }

    #[test]
    fn f6_a_window_of_wrong_passwords_ends_with_its_time_or_with_a_right_one() {
        let passwords = Passwords::new();
        let ann: PlayerId = "ann".parse().expect("a player's id");
        let at = |millis: i64| Timestamp(1_000 + millis);
        for n in 0..TRIES_MAX {
            assert!(passwords.count(&ann, at(i64::from(n))).is_ok());
        }
        let refusal = passwords.count(&ann, at(59_999));
        assert!(matches!(
            refusal,
            Err(Error::TooManyTries { wait: Millis(1) })
        ));
        passwords.right(&ann);
        assert!(passwords.count(&ann, at(59_999)).is_ok());
        assert!(passwords.count(&ann, at(59_999)).is_err());
        assert!(passwords.count(&ann, at(60_000)).is_ok());
        assert!(passwords.count(&ann, at(60_001)).is_ok());
    }
}
