"""The tree: known roots, independence of history, exact accounts of what is new and gone."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import Node, encode_node
from pds.atproto.mst.store import NodeStore
from pds.atproto.mst.tree import (
    EMPTY_TREE_CID,
    MissingBlockError,
    MstError,
    Tree,
    build_tree,
    encode_path,
)
from tests.atproto.mst.trees import (
    POOL,
    V,
    W,
    built,
    contents,
    key,
    reachable,
    same_value,
    source_of,
)
from tests.vectors import INTEROP, load_lines

EMPTY = "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"
SPLIT = "3fo 3fp 3fr 3fs 3ft 3fz 4fc 4fd 4ff 4fg 4fh"
KNOWN_ROOTS = [
    ("", EMPTY),
    ("3fo", "bafyreibj4lsc3aqnrvphp5xmrnfoorvru4wynt6lwidqbm2623a6tatzdu"),
    ("3fx", "bafyreih7wfei65pxzhauoibu3ls7jgmkju4bspy4t2ha2qdjnzqvoy33ai"),
    ("3fp 3fr 3fs 3ft 4fc", "bafyreicmahysq4n6wfuxo522m6dpiy7z7qzym3dzs756t5n7nfdgccwq7m"),
    ("3fn 3fo 3fp 3fs 3ft 3fu", "bafyreifnqrwbk6ffmyaz5qtujqrzf5qmxf7cbxvgzktl4e3gabuxbtatv4"),
    ("3fn 3fo 3fp 3ft 3fu", "bafyreie4kjuxbwkhzg2i5dljaswcroeih4dgiqq6pazcmunwt2byd725vi"),
    (SPLIT, "bafyreiettyludka6fpgp33stwxfuwhkzlur6chs4d2v4nkmq2j3ogpdjem"),
    (SPLIT + " 3fx", "bafyreid2x5eqs4w4qxvc5jiwda4cien3gw2q6cshofxwnvv7iucrmfohpm"),
    ("3ft 3fz", "bafyreidfcktqnfmykz2ps3dbul35pepleq7kvv526g47xahuz3rqtptmky"),
    ("3ft 3fz 3fx", "bafyreiavxaxdz7o7rbvr3zg2liox2yww46t7g6hkehx4i4h3lwudly7dhy"),
    ("3ft 3fz 3fx 4fd", "bafyreig4jv3vuajbsybhyvb7gggvpwh2zszwfyttjrj6qwvcsp24h6popu"),
]


def no_blocks(cid: Cid) -> bytes:
    raise MissingBlockError(cid)


def new_tree() -> Tree:
    return Tree(no_blocks, None)


@pytest.mark.parametrize(("suffixes", "root"), KNOWN_ROOTS)
def test_known_contents_have_the_known_root_both_ways_round(suffixes, root):
    keys = [key(suffix) for suffix in suffixes.split()]
    tree = new_tree()
    roots = [str(tree.flush()[0])]
    for path in keys:
        tree.put(path, V)
        roots.append(str(tree.flush()[0]))

    assert roots[-1] == root == str(build_tree((path, V) for path in sorted(keys))[0])
    for path in reversed(keys):
        assert str(tree.flush()[0]) == roots.pop()
        tree.delete(path)
    assert str(tree.flush()[0]) == EMPTY


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        (KNOWN_ROOTS[6], "3fx", KNOWN_ROOTS[7]),
        (KNOWN_ROOTS[8], "3fx", KNOWN_ROOTS[9]),
        (KNOWN_ROOTS[9], "4fd", KNOWN_ROOTS[10]),
        (KNOWN_ROOTS[5], "3fs", KNOWN_ROOTS[4]),
    ],
)
def test_adding_and_deleting_a_key_leads_between_known_roots(before, added, after):
    root, blocks = built(same_value(key(suffix) for suffix in before[0].split()))
    tree = Tree(source_of(blocks), root)

    tree.put(key(added), V)
    assert str(tree.flush()[0]) == after[1]
    tree.delete(key(added))
    assert str(tree.flush()[0]) == before[1] == str(root)


def test_the_156_example_keys_have_the_known_root():
    keys = load_lines(INTEROP / "mst" / "example_keys.txt")
    tree = new_tree()
    for path in keys:
        tree.put(path, V)

    root, written = tree.flush()

    assert str(root) == "bafyreicp3ghg3qdepi7bx3letryyerzfoky5htzymzljibxhd3m3z3xfb4"
    assert len(keys) == 156
    assert len(written) == 131
    assert (root, written) == built(same_value(keys))


def test_the_pool_of_test_keys_reaches_high_layers():
    assert {key_layer(path.encode()) for path in POOL} == {0, 1, 2, 3, 4, 5}


steps = st.lists(
    st.tuples(st.sampled_from(POOL), st.sampled_from([V, W, None])), min_size=1, max_size=40
)


@settings(deadline=None, max_examples=120)
@given(contents, steps, st.sets(st.integers(0, 39)))
def test_history_does_not_matter(before, changes, flush_after):
    root, blocks = built(before)
    tree = Tree(source_of(blocks), root)
    expected = dict(before)

    for number, (path, cid) in enumerate(changes):
        assert tree.get(path) == expected.get(path)
        previous = tree.delete(path) if cid is None else tree.put(path, cid)
        assert previous == expected.pop(path, None)
        if cid is not None:
            expected[path] = cid
        if number in flush_after:
            tree.flush()

    assert list(tree.walk()) == sorted(expected.items())
    assert tree.flush()[0] == built(expected)[0]
    assert list(tree.walk()) == sorted(expected.items())


@settings(deadline=None, max_examples=120)
@given(contents, steps, steps)
def test_flush_tells_new_and_removed_nodes_exactly(before, first, second):
    root, blocks = built(before)
    tree = Tree(source_of(blocks), root)

    for changes in (first, second):
        for path, cid in changes:
            if cid is None:
                tree.delete(path)
            else:
                tree.put(path, cid)
        new_root, written = tree.flush()
        blocks.update(written)
        old_nodes, new_nodes = reachable(blocks, root), reachable(blocks, new_root)
        assert written.keys() == new_nodes - old_nodes
        assert tree.touched_nodes == old_nodes - new_nodes
        root = new_root


def test_undone_changes_leave_nothing_to_store():
    root, blocks = built(same_value(POOL))
    tree = Tree(source_of(blocks), root)

    tree.put("com.example.a/new", V)
    tree.delete("com.example.a/new")
    for path in POOL[:9]:
        tree.delete(path)
    for path in POOL[:9]:
        tree.put(path, V)

    assert tree.flush() == (root, {})
    assert tree.touched_nodes == frozenset()


def test_a_put_loads_one_path_only():
    root, blocks = built(same_value(f"com.example.a/{number:05}" for number in range(2000)))
    asked: list[Cid] = []

    def source(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    tree = Tree(source, root)
    tree.put("com.example.a/00500", W)
    tree.get("com.example.a/00500")
    tree.flush()

    assert len(asked) == len(set(asked)) <= 12


def test_trees_share_decoded_nodes_without_disturbing_each_other():
    root, blocks = built(same_value(POOL))
    store = NodeStore(source_of(blocks))
    one, other = Tree(store, root), Tree(store, root)

    for path in POOL[::2]:
        one.delete(path)
    other.put(POOL[0], W)
    one.flush()

    assert list(Tree(store, root).walk()) == [(path, V) for path in POOL]
    assert other.get(POOL[0]) == W
    assert other.get(POOL[2]) == V


def test_deleting_what_is_not_there_changes_nothing():
    root, blocks = built(same_value(POOL[:20]))
    tree = Tree(source_of(blocks), root)

    assert tree.delete(POOL[30]) is None
    assert new_tree().delete("a") is None
    assert tree.flush() == (root, {})


def test_walk_begins_at_any_point():
    root, blocks = built(same_value(POOL))
    tree = Tree(source_of(blocks), root)
    starts = ["", "a", *POOL, *(path + "~" for path in POOL), "com.example.b", "z", "é", "\ud800"]

    for start in starts:
        expected = [path for path in POOL if path >= start]
        assert [path for path, _ in tree.walk(start)] == expected
    assert list(new_tree().walk()) == []


@pytest.mark.parametrize("path", ["", "é", "a\n", "a\x00", "\ud800", "k" * 1024])
def test_paths_that_no_tree_can_hold_are_refused(path):
    for action in (
        lambda: encode_path(path),
        lambda: new_tree().get(path),
        lambda: new_tree().put(path, V),
        lambda: new_tree().delete(path),
        lambda: build_tree([(path, V)]),
    ):
        with pytest.raises(MstError):
            action()


@pytest.mark.parametrize("paths", [["b", "a"], ["a", "a"]])
def test_building_needs_ascending_paths(paths):
    with pytest.raises(MstError, match="ascending"):
        build_tree((path, V) for path in paths)


def test_building_nothing_gives_the_empty_tree():
    assert str(EMPTY_TREE_CID) == EMPTY
    assert build_tree([]) == (EMPTY_TREE_CID, [(EMPTY_TREE_CID, encode_node(Node([], [], [None])))])


def test_first_flush_of_a_new_tree_writes_it():
    root, written = new_tree().flush()

    assert root == EMPTY_TREE_CID
    assert list(written) == [EMPTY_TREE_CID]


def test_missing_block_is_named():
    root, blocks = built(same_value(POOL))
    del blocks[next(cid for cid in blocks if cid != root)]

    with pytest.raises(MissingBlockError) as caught:
        list(Tree(source_of(blocks), root).walk())

    assert caught.value.cid not in blocks
    assert str(caught.value.cid) in str(caught.value)


def test_root_that_only_points_down_is_refused():
    root, blocks = built(same_value(POOL))
    pointer = encode_node(Node([], [], [root]))

    with pytest.raises(MstError, match="root"):
        Tree(source_of({**blocks, cid_for_cbor(pointer): pointer}), cid_for_cbor(pointer))


# A store that gives wrong blocks can make a tree that never ends; these keys have layer 0 and 2.
LOW, HIGH = key("3fo"), key("3fx")


def endless(node: Node, top: Node) -> Tree:
    """A tree whose nodes below the root are all ``node``, in which ``W`` stands for itself."""
    return Tree(source_of({V: encode_node(top), W: encode_node(node)}), V)


@pytest.mark.parametrize(
    "node",
    [
        Node([], [], [W]),
        Node([LOW.encode()], [V], [W, W]),
        Node([b"com.example.record/0", b"com.example.record/zzz"], [V, V], [W, W, W]),
    ],
)
@pytest.mark.parametrize("path", ["com.example.record/1", "zzz", LOW, HIGH, *POOL])
def test_a_looping_tree_ends_in_an_error_or_an_answer(node, path):
    top = Node([HIGH.encode()], [V], [W, W])

    for action in (
        lambda tree: tree.get(path),
        lambda tree: tree.put(path, V),
        lambda tree: tree.delete(path),
        lambda tree: list(tree.walk(path)),
    ):
        tree = endless(node, top)
        with contextlib.suppress(MstError):
            action(tree)
            assert len(tree.flush()[1]) < 20


def test_splitting_merging_and_trimming_a_looping_tree_end():
    pointer = Node([], [], [W])
    above = next(path for path in POOL if key_layer(path.encode()) == 5)

    tree = endless(pointer, Node([HIGH.encode()], [V], [W, W]))
    with pytest.raises(MstError, match="deeper"):
        tree.put(above, V)
    tree = endless(pointer, Node([HIGH.encode()], [V], [W, W]))
    with pytest.raises(MstError, match="deeper"):
        tree.delete(HIGH)
    tree = endless(pointer, Node([HIGH.encode()], [V], [W, None]))
    with pytest.raises(MstError, match="deeper"):
        tree.delete(HIGH)
    tree = endless(pointer, Node([HIGH.encode()], [V], [W, None]))
    with pytest.raises(MstError, match="deeper"):
        list(tree.walk())
