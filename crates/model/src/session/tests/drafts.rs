//! What a draft shows before it is committed, and what comes of it.

use serde_json::json;

use super::*;

fn custom(value: serde_json::Value) -> Command {
    Command::UpdateMember {
        player: player("b"),
        state: None,
        custom_data: None,
        custom: Some(value),
    }
}

#[test]
fn a_draft_shows_what_the_session_will_be() {
    let mut world = World::of(game(), &["a", "b"]);
    world.run(0, &by("a"), &reserve(&["r"])).unwrap();
    let mut session = world.session.clone();
    let mut draft = session.draft();
    let ticket = Command::SetTicket(tickets::searching(5));
    for (actor, command) in [
        (by("c"), join("c", JoinedState::Ready)),
        (by("b"), leave("b")),
        (by("a"), promote("c")),
        (by("c"), ticket),
    ] {
        draft.apply(&actor, &command, at(1_000)).unwrap();
    }
    assert!(!draft.is_deleted());
    let member = |name| draft.member_of(&player(name)).map(|member| member.index);
    assert_eq!(
        ["a", "b", "c", "r"].map(member),
        [Some(0), None, Some(3), Some(2)]
    );
    let names: Vec<_> = draft
        .members()
        .map(|member| member.player.as_str())
        .collect();
    assert_eq!(names, ["a", "r", "c"]);
    assert_eq!(draft.leader().unwrap().player, player("c"));
    let timers = (draft.next_timer(), draft.sweep_at());
    assert_eq!(timers, (Some(at(30_000)), Some(at(30_000))));
    let changes = draft.finish(at(1_000));
    assert!(changes.party_changed());
    session.commit(changes);
    assert_eq!((session.next_timer(), session.sweep_at()), timers);
    assert_eq!(session.leader().unwrap().player, player("c"));

    let mut draft = session.draft();
    draft.apply(&by("c"), &Command::Delete, at(1_000)).unwrap();
    assert!(draft.is_deleted() && draft.has_changed());
    assert_eq!((draft.next_timer(), draft.sweep_at()), (None, None));
}

#[test]
fn r61_a_draft_has_changed_when_the_header_a_member_or_nothing_but_the_end_differs() {
    let world = World::of(game(), &["a", "b"]);
    let close = |closed| {
        Command::Update(Update {
            closed: Some(closed),
            ..Update::default()
        })
    };
    let after = |commands: &[Command]| {
        let mut draft = world.session.draft();
        for command in commands {
            draft.apply(&by("b"), command, at(1)).unwrap();
        }
        let changed = draft.has_changed();
        let changes = draft.finish(at(1));
        assert_eq!(changes.header.is_some(), changed);
        assert_eq!(changes.is_empty(), !changed);
        changes
    };
    assert!(after(&[]).is_empty());
    let header = after(&[close(true)]);
    assert!(header.header.is_some() && header.members.is_empty());
    assert!(after(&[close(true), close(false)]).is_empty());
    let member = after(&[custom(json!(1))]);
    assert_eq!(member.members.len(), 1);
    assert!(!member.party_changed());
    let undone = after(&[custom(json!(1)), custom(json!(null))]);
    assert!(undone.is_empty() && undone.events.is_empty());

    let mut of_type = game();
    of_type.timeouts.session_empty = Some(Millis(5));
    let empty = World::new(new_session(of_type, Actor::Server));
    let mut draft = empty.session.draft();
    draft.settle(at(5), &AllPresent);
    assert!(draft.has_changed(), "the end alone is a change");
    let changes = draft.finish(at(5));
    assert!(changes.deleted && changes.header.is_some());
}
