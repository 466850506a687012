//! Getting connected and starting together: the decision about newcomers, the host among the members.

use model::session::Command;
use model::wire;

use super::Core;
use super::asked::{Asked, left_by};
use super::write::Refusal;
use crate::Error;

impl Core {
    /// Decides about the newcomers' episode; the first decision counts.
    ///
    /// # Errors
    /// 403 for who is no joined member nor the host, 404, 409 when none is due or another was first, 412.
    pub async fn post_evaluation(
        &self,
        asked: &Asked<'_>,
        body: wire::PostEvaluation,
    ) -> Result<wire::Session, Error> {
        let command = Command::PostEvaluation {
            succeeded: body.succeeded,
        };
        self.change(asked, command).await
    }

    /// Makes a member the host of a session without an instance: of several who want to, the first (F35).
    ///
    /// # Errors
    /// 400 without `If-Match`, 403 for who is no joined member, 404, 409 while an instance is open, 412 with the
    /// session as it is now for who comes too late, 422 for a token of nobody who is there.
    pub async fn set_host(
        &self,
        asked: &Asked<'_>,
        body: wire::SetHost,
    ) -> Result<wire::Session, Error> {
        let command = Command::SetHost {
            device_token: body.device_token,
        };
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                // Only here, as before it nobody may learn that the session exists.
                if asked.if_match.is_none() {
                    let detail = "If-Match is needed: of several who want to host the first does";
                    return Err(Refusal::Error(Error::Malformed(detail.into())));
                }
                Ok(draft.apply(by, &command, now)?)
            })
            .await?;
        left_by(asked, &written)
    }
}
