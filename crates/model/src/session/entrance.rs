//! Who gets into a session's instance: joining the session is another thing (A.4, row 38).

use semver::Version;

use super::{Constants, Draft, Error, Header, Member, Session};
use crate::instance::InstanceStatus;
use crate::{Instance, PlayerId, version};

impl Session {
    /// The instance for a joined member who wants to enter it, with this version of his client or the one that he
    /// stated as he joined; see [`Session::open_to`].
    pub fn entrance(
        &self,
        player: &PlayerId,
        client_version: Option<&Version>,
    ) -> Result<&Instance, Error> {
        let member = self.member_of(player).ok_or(Error::NotAMember)?;
        if !member.is_joined() {
            return Err(Error::NotJoined);
        }
        self.open_to(client_version.or(member.client_version.as_ref()))
    }

    /// The instance for whoever may enter it with this version of his client: 409 while it is not joinable (A.4) or
    /// when it does not suit him, 410 closed.
    pub fn open_to(&self, client_version: Option<&Version>) -> Result<&Instance, Error> {
        let instance = self.header.instance.as_ref().ok_or(Error::NoInstance)?;
        match instance.status {
            InstanceStatus::Joinable => {}
            InstanceStatus::Closed => return Err(Error::InstanceClosed),
            InstanceStatus::Requested
            | InstanceStatus::Allocated
            | InstanceStatus::Pending
            | InstanceStatus::Unjoinable => return Err(Error::NotJoinable),
        }
        if self.instance_suits(client_version) {
            Ok(instance)
        } else {
            Err(Error::ClientMismatch)
        }
    }

    /// Whether the open instance suits what a member has stated of his client; if not, how to reach it is not for him.
    pub fn suits(&self, member: &Member) -> bool {
        self.instance_suits(member.client_version.as_ref())
    }

    fn instance_suits(&self, client_version: Option<&Version>) -> bool {
        suits(&self.constants, &self.header, client_version)
    }
}

impl Draft<'_> {
    /// Whether the open instance suits a client of this version, for who leads somebody to the session (row 38).
    pub fn suits(&self, client_version: Option<&Version>) -> bool {
        suits(&self.base.constants, &self.work.header, client_version)
    }
}

fn suits(constants: &Constants, header: &Header, client_version: Option<&Version>) -> bool {
    let settings = constants.session_type.instance.as_ref();
    let reported = header.open_instance();
    version::suits(
        constants.session_type.version_policy,
        settings.and_then(|settings| settings.version.as_ref()),
        reported.and_then(|instance| instance.version.as_ref()),
        client_version,
    )
}
