//! Starting together: the decision about newcomers, and the host among the members.

use http::{Method, header};
use model::SessionId;
use model::wire::{PostEvaluation, Session, SetHost};

use crate::call::Call;
use crate::{Client, Error};

impl Client {
    /// Decides whether the newcomers came through; the first decision counts.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn post_evaluation(&self, id: SessionId, succeeded: bool) -> Result<Session, Error> {
        let call = Call::new(Method::PUT, format!("/v1/sessions/{id}/initialization"));
        self.read(call.json(&PostEvaluation { succeeded })?).await
    }

    /// Makes the member with this device token the host (`None`: nobody), while the session still has this `ETag`;
    /// otherwise 412, with the session as it is now in the problem.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn set_host(
        &self,
        id: SessionId,
        device_token: Option<&str>,
        etag: &str,
    ) -> Result<Session, Error> {
        let call = Call::new(Method::PUT, format!("/v1/sessions/{id}/host"));
        let body = SetHost {
            device_token: device_token.map(str::to_owned),
        };
        self.read(call.json(&body)?.header(header::IF_MATCH, etag))
            .await
    }
}
