//! Short codes: a name for a session that people can say, unique while it lasts (F1).

use model::SessionId;
use model::session::Command;
use model::wire;
use rand::RngExt;

use super::asked::{Asked, left_by, reader};
use super::write::Refusal;
use super::{Core, rows, store_error};
use crate::{Error, Principal};

/// Characters of a code.
pub const CODE_CHARS: usize = 6;
/// What a code is made of: nothing that is read or heard as something else. 30^6 codes are 729 million.
pub const CODE_ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Codes that are tried before the caller is told to come back.
const TRIES_MAX: usize = 5;

impl Core {
    /// Gives a session a short code, if it has none yet.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 when no free code was found.
    pub async fn give_short_code(&self, asked: &Asked<'_>) -> Result<wire::Session, Error> {
        self.give_short_code_of(asked, random_code).await
    }

    /// The same with codes from `draw`, which is asked again for each that somebody else has.
    ///
    /// # Errors
    /// As [`Core::give_short_code`].
    pub async fn give_short_code_of(
        &self,
        asked: &Asked<'_>,
        mut draw: impl FnMut() -> String,
    ) -> Result<wire::Session, Error> {
        let mut tries = 0;
        let written = self
            .write_asked(asked, |by, draft, along, now| {
                tries += 1;
                if tries > TRIES_MAX {
                    let none = "no free short code was found: ask again";
                    return Err(Refusal::Error(Error::Conflict(none.into())));
                }
                let code = draw();
                let given = code.clone();
                draft.apply(by, &Command::SetShortCode { code }, now)?;
                let is_new = draft.header().short_code.as_ref() == Some(&given);
                if is_new {
                    along.items.push(store::Item::Claim {
                        claim: rows::short_code_claim(&given),
                        holder: rows::session_key(&self.namespace, asked.session),
                    });
                }
                Ok(is_new)
            })
            .await?;
        let mut session = left_by(asked, &written)?;
        if asked.dry_run && written.result {
            // Another one will be drawn, so this one is nobody's to pass on.
            session.short_code = None;
        }
        Ok(session)
    }

    /// The session that has this code, without regard to case.
    ///
    /// # Errors
    /// 404 when there is none, or none that the caller may look at.
    pub async fn short_code(&self, who: &Principal, code: &str) -> Result<wire::ShortCode, Error> {
        let none = || Error::NotFound {
            what: "short code",
            id: code.to_owned(),
        };
        let capitals = code.to_ascii_uppercase();
        let known = |byte: u8| CODE_ALPHABET.contains(&byte);
        if capitals.len() != CODE_CHARS || !capitals.bytes().all(known) {
            return Err(none());
        }
        let claim = rows::short_code_claim(&capitals);
        let holder = self.store.claim_holder(&self.namespace, &claim).await;
        let holder = holder.map_err(store_error)?.ok_or_else(none)?;
        let id: SessionId = holder.id.parse().map_err(|_| none())?;
        let session = match self.settled(id).await {
            Err(Error::NotFound { .. }) => return Err(none()),
            found => found?,
        };
        let is_its = session.header().short_code.as_ref() == Some(&capitals);
        if !is_its || reader(who, &session).is_none() {
            return Err(none());
        }
        Ok(wire::ShortCode {
            code: capitals,
            session: id,
        })
    }
}

fn random_code() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a code that nobody can guess from others; no decision depends on it"
    )]
    let mut random = rand::rng();
    let draw = |_| CODE_ALPHABET[random.random_range(0..CODE_ALPHABET.len())];
    (0..CODE_CHARS).map(draw).map(char::from).collect()
}
