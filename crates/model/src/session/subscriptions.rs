//! Subscriptions of members (R39): which changes each wants to be told of, written key by key (R11).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Actor, Draft, Error, Event, MEMBER_BYTES_MAX, Member, MemberState, limits};
use crate::subscriptions::{ChangeType, Subscription};

/// The most subscriptions of a member in one session.
pub const SUBSCRIPTIONS_MAX: usize = 10;
/// The most digits of the title that a subscription is for.
pub const TITLE_DIGITS_MAX: usize = 20;

/// What a member changes of his subscriptions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subscribe {
    /// Each is added or replaced; `None` removes it. What is not named stays (R11).
    pub changes: BTreeMap<Uuid, Option<Subscription>>,
    /// In how many other sessions the player is subscribed.
    pub elsewhere: usize,
}

impl Subscribe {
    /// Whether it asks for any subscription.
    pub fn adds(&self) -> bool {
        self.changes.values().any(Option::is_some)
    }
}

impl Draft<'_> {
    /// Writes what a member says of his subscriptions. He must be active to have more of them; those that he has
    /// stay while he is not, and go with his seat (F30).
    pub(super) fn subscribe(
        &mut self,
        actor: &Actor,
        index: u32,
        subscribe: &Subscribe,
    ) -> Result<(), Error> {
        if subscribe.changes.is_empty() {
            return Ok(());
        }
        let of_type = &self.base.constants.session_type;
        let old = self.member(index).ok_or(Error::NoSuchMember)?;
        if *actor != Actor::Player(old.player.clone()) {
            return Err(Error::NotOwnMember);
        }
        if of_type.large {
            return Err(Error::NotOnLarge("subscriptions"));
        }
        if subscribe.adds() {
            if old.state != MemberState::Active {
                return Err(Error::NotActive);
            }
            let most = of_type.subscriptions.max_per_connection;
            if old.subscriptions.is_empty() && subscribe.elsewhere >= most as usize {
                return Err(Error::SubscribedElsewhere { most });
            }
        }
        let mut member = Member::clone(old);
        for (id, change) in &subscribe.changes {
            match change {
                Some(subscription) => {
                    let mut subscription = subscription.clone();
                    // Empty is absent (R12).
                    subscription
                        .on_behalf_of_title
                        .take_if(|title| title.is_empty());
                    check_title(&subscription)?;
                    member.subscriptions.insert(*id, subscription);
                }
                None => drop(member.subscriptions.remove(id)),
            }
        }
        if member.subscriptions == old.subscriptions {
            return Ok(());
        }
        if member.subscriptions.len() > SUBSCRIPTIONS_MAX {
            return Err(Error::TooManySubscriptions);
        }
        limits::check_size("member", MEMBER_BYTES_MAX, &member)?;
        let player = member.player.clone();
        self.work
            .events
            .push(Event::SubscriptionsChanged { index, player });
        self.put_member(member);
        Ok(())
    }
}

fn check_title(subscription: &Subscription) -> Result<(), Error> {
    let is_decimal = |title: &String| {
        (1..=TITLE_DIGITS_MAX).contains(&title.len())
            && title.bytes().all(|byte| byte.is_ascii_digit())
    };
    if subscription
        .on_behalf_of_title
        .as_ref()
        .is_none_or(is_decimal)
    {
        Ok(())
    } else {
        Err(Error::Invalid(
            "`on_behalf_of_title` must be 1 to 20 decimal digits",
        ))
    }
}

/// What kinds of changes there are between two documents of one member, subscriptions aside; none: they are the same.
pub(super) fn changes_of(old: &Member, new: &Member) -> Vec<ChangeType> {
    if old == new {
        return Vec::new();
    }
    let where_he_stands = |member: &Member| {
        let standing = &member.standing;
        let rank = (
            standing.spectator,
            standing.owner,
            standing.permissions.clone(),
        );
        let roles = (standing.roles.clone(), standing.role_preference.clone());
        (member.team, rank, roles)
    };
    let mut changes = Vec::new();
    if where_he_stands(old) != where_he_stands(new) {
        changes.push(ChangeType::MembersStatus);
    }
    if (&old.custom_data, &old.custom) != (&new.custom_data, &new.custom) {
        changes.push(ChangeType::MembersCustomProperty);
    }
    if changes.is_empty() {
        changes.push(ChangeType::Everything);
    }
    changes
}
