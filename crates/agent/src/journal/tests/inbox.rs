use super::*;

fn request(node: &str, wish: Wish) -> Request {
    Request {
        node: node.to_owned(),
        wish,
        by: "somebody: rackhand cancel".to_owned(),
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_request_stays_until_it_is_done() {
    let dir = TempDir::new().unwrap();
    let (asker, owner) = (Inbox::open(dir.path()).unwrap(), Inbox::open(dir.path()).unwrap());
    assert_eq!(owner.waiting().unwrap(), []);
    let (arrived, first) =
        tokio::join!(owner.arrived(|_| false), async { asker.post(&request("du-1", Wish::Cancel)).unwrap() });
    assert_eq!(arrived.unwrap(), [Posted { id: first.clone(), request: request("du-1", Wish::Cancel) }]);

    let second = asker.post(&request("du-2", Wish::Install)).unwrap();
    assert_ne!(first, second);
    drop(owner);
    let owner = Inbox::open(dir.path()).unwrap();
    let waiting = owner.arrived(|id| *id == first).await.unwrap();
    assert_eq!(waiting.iter().map(|posted| &posted.id).collect::<Vec<_>>(), [&first, &second]);

    owner.done(&first).unwrap();
    owner.done(&first).unwrap();
    assert_eq!(owner.waiting().unwrap().len(), 1);
    assert_eq!(owner.waiting().unwrap()[0].request, request("du-2", Wish::Install));
}

#[test]
fn a_request_of_a_newer_version_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let inbox = Inbox::open(dir.path()).unwrap();
    inbox.post(&request("du-1", Wish::Adopt)).unwrap();
    let raw = rusqlite::Connection::open(dir.path().join("inbox.sqlite")).unwrap();
    raw.execute(
        "INSERT INTO requests (id, at, node, wish, by) VALUES ('x', '2026-03-01T12:00:00Z', 'du-1', '\"dance\"', 'y')",
        (),
    )
    .unwrap();
    assert_eq!(inbox.waiting().unwrap().len(), 1);
    let left: i64 = raw.query_row("SELECT count(*) FROM requests", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 2);
}
