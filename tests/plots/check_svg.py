"""Whether SVG files are well-formed XML that runs no script and loads nothing."""
import re
import sys
import xml.etree.ElementTree as ElementTree

SVG = "{http://www.w3.org/2000/svg}"
KNOWN = {"svg", "title", "style", "rect", "line", "polyline", "circle", "text"}
for path in sys.argv[1:]:
    root = ElementTree.parse(path).getroot()
    assert root.tag == SVG + "svg", (path, root.tag)
    assert root.find(SVG + "title") is not None, path
    for element in root.iter():
        assert element.tag.startswith(SVG) and element.tag[len(SVG):] in KNOWN, (path, element.tag)
        assert not [name for name in element.attrib if "href" in name or name.startswith("on")], (path, element.attrib)
    assert not re.search(r"url\(|@import", root.find(SVG + "style").text), path
