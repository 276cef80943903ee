"""XML from strangers: read whole or element by element, and refused where it is an attack or no XML."""

import tracemalloc

import pytest

from pixelwise.errors import DataError
from pixelwise.formats.xml_file import read_elements, read_xml, root_tag


def written(tmp_path, content):
    path = tmp_path / "a.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_whole_tree_is_read(tmp_path):
    root = read_xml(written(tmp_path, "<?xml version='1.0'?><!-- x --><a k='1'><b>t&amp;u</b><b/></a>"))
    assert (root.tag, dict(root.attrib), [child.text for child in root]) == ("a", {"k": "1"}, ["t&u", None])


def test_elements_come_one_by_one_and_whole(tmp_path):
    path = written(tmp_path, "<a><m><x n='0'><y>1</y></x></m><x n='1'><x n='2'/></x><z/><y>3</y></a>")
    found = [(element.tag, element.get("n"), [child.tag for child in element]) for element in read_elements(path, {"x", "y"})]
    assert found == [("x", "0", ["y"]), ("x", "1", ["x"]), ("y", None, [])]


def test_what_has_been_passed_is_forgotten(tmp_path):
    path = written(tmp_path, "<a>" + "".join(f"<x n='{n}'><p>{'7,' * 400}</p></x>" for n in range(4000)) + "</a>")
    tracemalloc.start()
    count = sum(1 for _ in read_elements(path, {"x"}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4000
    assert peak < path.stat().st_size / 4


@pytest.mark.parametrize(
    "content, told",
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "attacks"),
        ('<!DOCTYPE a [<!ENTITY l "l"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;&l;">]><a>&m;</a>', "attacks"),
        ('<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>', "attacks"),
        ("<a>&undefined;</a>", "no valid XML"),
        ("<a><b></a>", "no valid XML"),
        ("", "no valid XML"),
        ("{}", "no valid XML"),
        (b"<a>\xff\xfe</a>", "no valid XML"),
        ('<?xml version="1.0" encoding="no-such"?><a/>', "no valid XML"),
        ("<a>" * 300, "nested more deeply"),
    ],
)
def test_attacks_and_what_is_no_xml_are_refused_by_name(tmp_path, content, told):
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=told) as caught:
        read_xml(path)
    assert str(path) in str(caught.value)
    with pytest.raises(DataError, match=told):
        list(read_elements(path, {"x"}))


def test_files_that_are_too_large_or_not_there_are_refused(tmp_path):
    with pytest.raises(DataError, match="more than the 3 allowed"):
        read_xml(written(tmp_path, "<a/>"), most_bytes=3)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_xml(tmp_path / "none.xml")


@pytest.mark.parametrize(
    "content, tag",
    [
        ("\ufeff<?xml version='1.0'?>\n<!-- <b> --><annotations>", "annotations"),
        ("  <a:b-c x='1'>", "a"),
        ("<a/>", "a"),
        ("text <a>", ""),
        ("", ""),
    ],
)
def test_the_outermost_element_is_told_from_the_beginning(tmp_path, content, tag):
    assert root_tag(written(tmp_path, content)) == tag


def test_no_file_has_no_outermost_element(tmp_path):
    assert root_tag(tmp_path / "none.xml") == ""
