//! Tokens: JSON web tokens (HS256) of one namespace are turned into principals, and minted for game servers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::wire::{AUDIENCE, Claims, PrincipalKind as Kind};
use model::{GameServerId, Millis, Name, Namespace, Timestamp};

use crate::Principal;

/// The shortest secret that is taken, in bytes: what HS256 can make use of.
pub const SECRET_BYTES_MIN: usize = 32;
/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// How long past its `exp` a token is still good, for clocks that differ, in milliseconds.
pub const LEEWAY: Millis = Millis::seconds(30);

/// Verified tokens that are remembered, at most twice as many.
const KNOWN_MAX: usize = 16_384;

/// Why a token is not good, or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The secret has fewer than [`SECRET_BYTES_MIN`] bytes.
    #[error("the secret has fewer than {SECRET_BYTES_MIN} bytes")]
    SecretTooShort,
    /// The token has more than [`TOKEN_BYTES_MAX`] bytes.
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not a token, not signed by this secret with HS256, or without the claims that Muster needs.
    #[error("the token is not one that this server's secret has signed")]
    Invalid,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf`.
    #[error("the token is not good yet")]
    TooEarly,
    /// Made for another namespace.
    #[error("the token is for another namespace")]
    Namespace,
    /// `sub` is not what its kind of principal is called by.
    #[error("the token's sub is not an id of its kind")]
    Subject,
}

/// The keys of one namespace: verifies the tokens that come in and mints those of game servers.
pub struct Keys {
    namespace: Namespace,
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
    known: Mutex<Known>,
}

/// Tokens whose signature was verified, so that a client's next request costs a look-up. Two generations: when the
/// younger is full it becomes the older, and what was not used since is forgotten.
#[derive(Default)]
struct Known {
    young: HashMap<Box<str>, Verified>,
    old: HashMap<Box<str>, Verified>,
}

/// Who a token is of, and until when.
#[derive(Clone)]
struct Verified {
    good_from: i64,
    expires_at: i64,
    principal: Principal,
}

impl Known {
    fn get(&mut self, token: &str) -> Option<Verified> {
        if let Some(verified) = self.young.get(token) {
            return Some(verified.clone());
        }
        let (token, verified) = self.old.remove_entry(token)?;
        self.put(token, verified.clone());
        Some(verified)
    }

    fn put(&mut self, token: Box<str>, verified: Verified) {
        if self.young.len() >= KNOWN_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, verified);
    }
}

impl Keys {
    /// Keys from a secret of at least [`SECRET_BYTES_MIN`] bytes.
    pub fn new(namespace: Namespace, secret: &[u8]) -> Result<Self, AuthError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(AuthError::SecretTooShort);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // The time is the core's, not the machine's, so `exp` and `nbf` are looked at below.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.set_audience(&[AUDIENCE]);
        Ok(Self {
            namespace,
            decoding: DecodingKey::from_secret(secret),
            encoding: EncodingKey::from_secret(secret),
            validation,
            known: Mutex::default(),
        })
    }

    /// The namespace whose tokens these keys verify.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Who the bearer of this token is at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        let known = self.known().get(token);
        let verified = match known {
            Some(verified) => verified,
            None => {
                let verified = self.verify_signed(token)?;
                self.known().put(token.into(), verified.clone());
                verified
            }
        };
        if Timestamp(verified.expires_at) + LEEWAY <= now {
            return Err(AuthError::Expired);
        }
        if now + LEEWAY < Timestamp(verified.good_from) {
            return Err(AuthError::TooEarly);
        }
        Ok(verified.principal)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything about a token that does not change with time.
    fn verify_signed(&self, token: &str) -> Result<Verified, AuthError> {
        let claims: Claims = jsonwebtoken::decode(token, &self.decoding, &self.validation)
            .map_err(|_| AuthError::Invalid)?
            .claims;
        let expires_at = claims.exp.saturating_mul(1_000);
        let good_from = claims.nbf.map_or(i64::MIN, |at| at.saturating_mul(1_000));
        if claims.ns != self.namespace {
            return Err(AuthError::Namespace);
        }
        let principal = principal(claims, expires_at)?;
        Ok(Verified {
            good_from,
            expires_at,
            principal,
        })
    }

    /// A token with any claims of this namespace, for tools and tests.
    pub fn mint(&self, claims: &Claims) -> Result<String, AuthError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(|_| AuthError::Invalid)
    }

    /// What only these keys can make of a text (HMAC-SHA-256, in base64url): the same for the same text and purpose,
    /// and of no use for guessing the text without the secret.
    ///
    /// It never is the signature of a token: what is signed there has no colon.
    pub(crate) fn seal(&self, purpose: &str, text: &str) -> Result<String, crate::Error> {
        let message = format!("{purpose}:{text}");
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, Algorithm::HS256)
            .map_err(|error| crate::Error::Internal(format!("sealing: {error}")))
    }

    /// A token for one game server, good from `now` for `ttl`.
    ///
    /// `first`: the one for the environment of its process, which its first poll exchanges for another.
    pub fn mint_game_server(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        first: bool,
        now: Timestamp,
        ttl: Millis,
    ) -> String {
        let mut claims = Claims::new(
            namespace.clone(),
            Kind::GameServer,
            id.to_string(),
            now,
            ttl,
        );
        claims.first = first;
        // Encoding plain claims with a symmetric key has no way to fail; an empty token would be refused.
        self.mint(&claims).unwrap_or_default()
    }
}

/// Shows the namespace only.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

fn principal(claims: Claims, expires_at: i64) -> Result<Principal, AuthError> {
    let named = |subject: String| {
        let fits = !subject.is_empty()
            && subject.len() <= model::name::NAME_BYTES_MAX
            && !subject.chars().any(char::is_control);
        if fits {
            Ok(subject)
        } else {
            Err(AuthError::Subject)
        }
    };
    Ok(match claims.kind {
        Kind::Player => Principal::Player {
            player: claims.sub.parse().map_err(|_| AuthError::Subject)?,
            attributes: claims.attributes,
            device: claims.device.filter(|device| !device.is_empty()),
            platform: claims.platform.as_ref().map(Name::folded),
            follows: claims.follows,
        },
        Kind::Server => Principal::Server {
            subject: named(claims.sub)?,
        },
        Kind::Fleet => Principal::Fleet {
            subject: named(claims.sub)?,
        },
        Kind::Admin => Principal::Admin {
            subject: named(claims.sub)?,
        },
        Kind::GameServer => Principal::GameServer {
            id: claims.sub.parse().map_err(|_| AuthError::Subject)?,
            first_token: claims.first,
            expires_at,
        },
    })
}

#[cfg(test)]
mod tests;
