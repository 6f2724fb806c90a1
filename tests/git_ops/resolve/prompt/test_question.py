from git_ops.resolve.prompt import sheet_of, write_correction, write_question


def test_whole_file_is_never_shown_around_a_hunk(situation):
    body = "".join(f"row {n}\n" for n in range(1_000))
    versions = ({"f": body.replace("row 500\n", f"row 500\n{more}")} for more in ("", "T\n", "A\n"))
    sheet = sheet_of(*situation(*versions))
    text = write_question(sheet, sheet.everything())
    assert "row 490\n" in text
    assert "row 510\n" in text
    assert "row 480\n" not in text
    assert "row 520\n" not in text


def test_long_lines_around_a_hunk_are_cut(situation):
    versions = ({"f": "x" * 50_000 + "\n" + more} for more in ("", "T\n", "A\n"))
    sheet = sheet_of(*situation(*versions))
    assert len(write_question(sheet, sheet.everything())) < 6_000


def test_empty_texts_are_said_to_be_empty(situation):
    sheet = sheet_of(*situation({"f": "1\n"}, {"f": "1\nT\n"}, {"f": "1\nA\n"}))
    text = write_question(sheet, sheet.everything())
    assert f"<p1-h1-BASE fence={sheet.fence.mark}>\n[no lines]\n</p1-h1-BASE" in text


def test_line_ends_are_not_shown(situation):
    sheet = sheet_of(*situation({"f": "1\r\n"}, {"f": "1\r\nT\r\n"}, {"f": "1\r\nA\r\n"}))
    assert "⟦0D⟧" not in write_question(sheet, sheet.everything())


def test_objections_are_bounded(situation):
    sheet = sheet_of(*situation({"f": "1\n"}, {"f": "1\nT\n"}, {"f": "1\nA\n"}))
    text = write_correction(sheet, sheet.everything(), {"p1": "x" * 100_000})
    assert len(text) < 3_000
    assert text.endswith("Answer again. Settle these hunks: p1 (h1).")
