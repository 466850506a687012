//! The password of a session (F6, A.3b): the law compares digests, and never sees the password itself.

use serde::{Deserialize, Serialize};

use super::{Draft, Error, Join};

/// What is kept of a password. The shell makes it of the password and a salt; the same two make the same digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordDigest {
    /// Drawn anew with each password that is set.
    pub salt: String,
    /// Of password and salt.
    pub digest: String,
}

/// What becomes of a session's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetPassword {
    /// There is none from now on.
    Remove,
    /// It is this one from now on.
    To(PasswordDigest),
}

impl Draft<'_> {
    /// That the joiner knows the password, if there is one.
    pub(super) fn require_password(&self, join: &Join) -> Result<(), Error> {
        let Some(password) = &self.work.header.password else {
            return Ok(());
        };
        match &join.password {
            None => Err(Error::PasswordNeeded),
            Some(given) if given == password => Ok(()),
            Some(_) => Err(Error::WrongPassword),
        }
    }
}
