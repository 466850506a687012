//! The session browser.

use http::Method;
use model::SessionId;
use model::wire::{BrowserPage, Session, SetBrowserEntry};

use crate::call::{Call, encoded};
use crate::{Client, Error};

/// What to look for in the browser; nothing: everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct BrowserSearch<'a> {
    /// Of this session type.
    pub r#type: Option<&'a str>,
    /// There.
    pub region: Option<&'a str>,
    /// With these among what the entry shows, each key once.
    pub params: &'a [(&'a str, &'a str)],
    /// After this entry of the page before.
    pub after: Option<SessionId>,
}

impl Client {
    /// A page of the browser, the newest sessions first.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn browse(&self, search: BrowserSearch<'_>) -> Result<BrowserPage, Error> {
        let mut query = Vec::new();
        query.extend(search.r#type.map(|of| format!("type={}", encoded(of))));
        query.extend(search.region.map(|at| format!("region={}", encoded(at))));
        let shown = search.params.iter();
        query
            .extend(shown.map(|(key, value)| format!("param={}:{}", encoded(key), encoded(value))));
        query.extend(search.after.map(|after| format!("after={after}")));
        let path = format!("/v1/browser?{}", query.join("&"));
        self.read(Call::get(path)).await
    }

    /// Sets a session's entry in the browser, whole.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn set_browser_entry(
        &self,
        id: SessionId,
        body: &SetBrowserEntry,
    ) -> Result<Session, Error> {
        let path = format!("/v1/sessions/{id}/browser-entry");
        self.read(Call::new(Method::PUT, path).json(body)?).await
    }

    /// Takes a session's entry out of the browser.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn remove_browser_entry(&self, id: SessionId) -> Result<Session, Error> {
        let path = format!("/v1/sessions/{id}/browser-entry");
        self.read(Call::new(Method::DELETE, path)).await
    }
}
