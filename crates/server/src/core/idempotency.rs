//! Requests with an `Idempotency-Key`: what each made is kept, with a digest of the request that made it.

use model::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Item, Key, Kind, Row};

use super::{Core, rows, store_error};
use crate::{Error, Principal};

/// A key that a caller gave, for one request of his.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency {
    /// The row that remembers it.
    pub(crate) key: Key,
    /// A digest of what is asked for, so that the key is good for this request only.
    request: String,
}

/// What the row says.
#[derive(Serialize, Deserialize)]
struct Made {
    /// The id of what the first request made.
    made: String,
    request: String,
}

impl Idempotency {
    /// Remembers, in the write set of the request itself, that it made `made`.
    pub(crate) fn item(&self, made: impl ToString, now: Timestamp) -> Result<Item, Error> {
        let document = Made {
            made: made.to_string(),
            request: self.request.clone(),
        };
        Ok(Item::Put {
            row: Row {
                key: self.key.clone(),
                number: 1,
                due: Some(now + rows::ENDED_KEPT),
                ended: false,
                parent: None,
                player: None,
                body: rows::body(&document)?,
            },
            expected: None,
        })
    }
}

impl Core {
    /// The key of a request: `area` and `target` say what it is about, `body` what it asks for.
    pub(crate) fn idempotency(
        &self,
        who: &Principal,
        key: Option<&str>,
        (area, target): (&str, &str),
        body: &impl Serialize,
    ) -> Result<Option<Idempotency>, Error> {
        let Some(key) = key else { return Ok(None) };
        // Ids of rows are short; a digest of the caller's words is as good as the words.
        let id = rows::digest(&format!("{who} {area} {key}"));
        let request = rows::digest(&format!("{target} {}", rows::body(body)?));
        Ok(Some(Idempotency {
            key: Key::new(&self.namespace, Kind::Idempotency, id),
            request,
        }))
    }

    /// What the first request with this key made; `None`: there was none.
    ///
    /// # Errors
    /// [`Error::IdempotencyKeyReused`] when it asked for something else.
    pub(crate) async fn made_by(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<String>, Error> {
        let Some(Idempotency { key, request }) = idempotency else {
            return Ok(None);
        };
        let found = self
            .store
            .get(std::slice::from_ref(key))
            .await
            .map_err(store_error)?;
        let Some(row) = found.into_iter().next().flatten() else {
            return Ok(None);
        };
        let first: Made = rows::parse(&row)?;
        if first.request == *request {
            Ok(Some(first.made))
        } else {
            Err(Error::IdempotencyKeyReused)
        }
    }
}
