from git_ops.resolve.prompt import sheet_of
from git_ops.resolve.prompt.sheet import by_text


def test_labels_name_the_sides_and_what_programs_made(situation):
    sheet = sheet_of(*situation({"f": "call(a, b)\n"}, {"f": "call(a, b, t)\n"}, {"f": "call(x, b)\n"}))
    offers = sheet.entry("p1").offers["h1"]
    assert offers["TARGET"].text == b"call(a, b, t)\n"
    assert offers["AGENT"].text == b"call(x, b)\n"
    assert offers["A"].text == b"call(x, b, t)\n"
    assert "tokens" in offers["A"].methods


def test_one_text_has_one_label(situation):
    sheet = sheet_of(*situation({"f": "1\n"}, {"f": "1\nT\n"}, {"f": "1\nA\n"}))
    texts = [offer.text for offer in sheet.entry("p1").offers["h1"].values()]
    assert len(texts) == len(set(texts))


def test_names_are_asked_by_options(situation):
    conflicts, context = situation({"f": "1\n2\n3\n"}, {"f": None, "x": "x"}, {"f": "1\n2\n4\n"})
    sheet = sheet_of(conflicts, context)
    assert not by_text(conflicts[0])
    assert sheet.everything() == {"p1": ()}
    assert sheet.entry("p1").options


def test_fence_isnt_in_the_data(situation):
    conflicts, context = situation({"f": "1\n"}, {"f": "1\nT\n"}, {"f": "1\nA\n"})
    mark = sheet_of(conflicts, context).fence.mark
    assert mark not in str(conflicts)
