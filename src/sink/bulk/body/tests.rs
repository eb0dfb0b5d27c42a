//! Bodies, line by line.

use std::convert::Infallible;

use super::*;

fn text(out: &mut Vec<u8>, text: &str) -> Result<(), Infallible> {
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

#[test]
fn operations_are_lines_that_can_be_sent_apart() {
    let mut body = BulkBody::default();
    body.put("a\"김", 7, |out| text(out, "{\"n\":\n1}")).unwrap();
    body.delete("b", 8);
    body.put("c", 9, |out| text(out, "{}")).unwrap();
    assert_eq!(body.len(), 3);
    let documents: Vec<_> = body.documents().collect();
    assert_eq!(documents, [(0, "a\"김", &b"{\"n\": 1}"[..]), (1, "b", b""), (2, "c", b"{}")]);
    let (sealed, outcomes) = body.seal();
    assert_eq!(outcomes, [None, None, None]);
    let whole = sealed.part(&sealed.positions());
    insta::assert_snapshot!(str::from_utf8(&whole).unwrap(), @r#"
    {"index":{"_id":"a\"김","version":7,"version_type":"external"}}
    {"n": 1}
    {"delete":{"_id":"b","version":8,"version_type":"external"}}
    {"index":{"_id":"c","version":9,"version_type":"external"}}
    {}
    "#);
    let part = sealed.part(&[1, 2]);
    assert_eq!(part.len(), sealed.size(&[1, 2]));
    assert!(part.starts_with(br#"{"delete""#) && part.ends_with(b"{}\n"));
}

#[test]
fn a_document_given_up_leaves_no_trace() {
    let mut body = BulkBody::default();
    body.put("a", 1, |out| text(out, "{}")).unwrap();
    let before = body.bytes();
    let given_up = body.put("b", 1, |out| {
        out.extend_from_slice(b"{\"half\":");
        Err("no")
    });
    assert_eq!((given_up, body.len(), body.bytes()), (Err("no"), 1, before));
    body.put("b", 1, |out| text(out, "{}")).unwrap();
    assert_eq!(body.seal().1, [None, None]);
}

#[test]
fn ids_that_would_fail_the_whole_request_are_refused_alone() {
    let mut body = BulkBody::default();
    for id in ["", &"x".repeat(513), "a", "a"] {
        body.put(id, 1, |out| text(out, "{}")).unwrap();
    }
    body.delete(&"é".repeat(256), 1);
    let (sealed, outcomes) = body.seal();
    let refused = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::Rejected(rejection)) => rejection.error_type.clone(),
        _ => String::new(),
    };
    let refused: Vec<_> = outcomes.iter().map(refused).collect();
    assert_eq!(refused, ["empty_id", "id_too_long", "", "duplicate_id", ""]);
    assert_eq!(sealed.positions(), [2, 4]);
}

#[test]
fn ids_that_are_refused_fill_a_body_too() {
    for id in ["", "a", &"x".repeat(5_000)] {
        let mut body = BulkBody::with_capacity(100_000);
        body.put("a", 1, |out| text(out, "{}")).unwrap();
        let empty = body.bytes();
        assert_eq!(body.held(), empty);
        let added = (0..).find(|_| {
            body.put(id, 1, |out| text(out, "{}")).unwrap();
            body.held() >= 100_000
        });
        let kept = body.ids.len() + body.slots.len() * size_of::<Slot>();
        assert!(body.bytes() == empty && kept < 106_000, "{added:?}, {kept}");
        // What they took beyond a body's size is given back.
        let room = with_headroom(1_000);
        let body = body.seal().0.emptied(1_000);
        assert!(body.ids.capacity() <= room && body.slots.capacity() * size_of::<Slot>() <= room);
    }
}

/// Two ids of one hash.
fn alike() -> [String; 2] {
    // Eight bytes of these two places meet the hash's own, half of them equal: what the other half is then only adds.
    [["aaa", "bbb"], ["bbb", "aaa"]].map(|[first, second]| {
        let x = |times| "x".repeat(times);
        let first = format!("{first}\u{43417}\u{6c0}");
        let second = format!("{second}\u{3df3}g\u{1f}");
        [x(16), first, x(55), second, x(164)].concat()
    })
}

#[test]
fn ids_that_only_look_the_same_are_two() {
    let [one, other] = alike();
    assert_ne!(one, other);
    assert_eq!(xxh3_64(one.as_bytes()), xxh3_64(other.as_bytes()));
    let mut body = BulkBody::default();
    for id in [&one, &other, &one] {
        body.put(id, 1, |out| text(out, "{}")).unwrap();
    }
    body.delete(&other, 1);
    assert_eq!(body.seal().0.positions(), [0, 1]);
}

#[test]
fn a_body_is_filled_again_in_the_same_memory() {
    let mut body = BulkBody::with_capacity(1_000);
    let room = (body.buffer.as_ptr(), body.buffer.capacity());
    assert!(room.1 > 1_000);
    for version in 1..5 {
        body.put("a", version, |out| text(out, &"x".repeat(900))).unwrap();
        let (sealed, _) = body.seal();
        drop(sealed.part(&[0]));
        assert_eq!((sealed.id(0), sealed.versions(&[0])), ("a", vec![version]));
        body = sealed.emptied(1_000);
        assert!(body.is_empty() && body.bytes() == 0);
        assert_eq!((body.buffer.as_ptr(), body.buffer.capacity()), room);
    }
    // One that had to grow does not stay so.
    body.put("a", 9, |out| text(out, &"x".repeat(50_000))).unwrap();
    let (sealed, _) = body.seal();
    assert_eq!(sealed.emptied(1_000).buffer.capacity(), room.1);
    // What somebody else still holds is left to them.
    let mut body = BulkBody::with_capacity(1_000);
    body.put("a", 1, |out| text(out, "{}")).unwrap();
    let (sealed, _) = body.seal();
    let held = sealed.part(&[0]);
    let other = sealed.emptied(1_000);
    assert!(other.buffer.as_ptr() != held.as_ptr() && other.buffer.capacity() >= room.1);
    assert!(held.ends_with(b"{}\n"));
}
