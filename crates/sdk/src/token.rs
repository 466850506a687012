//! Tokens for tools and tests: claims signed with the installation's secret (HS256).

use jsonwebtoken::{Algorithm, EncodingKey, Header};
pub use model::wire::{Claims, PrincipalKind};

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the token cannot be signed")]
pub struct Error(#[from] jsonwebtoken::errors::Error);

/// Signs claims with a secret: a JSON web token (RFC 7519) with HS256.
///
/// # Errors
/// [`Error`] when the claims cannot be written as JSON.
pub fn mint(secret: &[u8], claims: &Claims) -> Result<String, Error> {
    let key = EncodingKey::from_secret(secret);
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        claims,
        &key,
    )?)
}

#[cfg(test)]
mod tests {
    use model::{Millis, Timestamp};

    use super::*;

    #[test]
    fn a_token_is_read_back_with_the_same_secret_and_no_other() {
        let ns = "default".parse().expect("a name");
        // Far enough in the future for the reader's own clock.
        let now = Timestamp(4_000_000_000_999);
        let claims = Claims::new(ns, PrincipalKind::Player, "ann", now, Millis::seconds(60));
        assert_eq!((claims.iat, claims.exp), (4_000_000_000, 4_000_000_060));
        let token = mint(b"secret", &claims).expect("signs");
        let read = |secret: &[u8]| {
            let mut rules = jsonwebtoken::Validation::new(Algorithm::HS256);
            rules.set_audience(&["muster"]);
            let key = jsonwebtoken::DecodingKey::from_secret(secret);
            jsonwebtoken::decode::<Claims>(&token, &key, &rules)
        };
        assert_eq!(read(b"secret").expect("is good").claims, claims);
        assert!(read(b"other").is_err());
    }
}
