import pytest

from vortex_lp.speech.text import cardinal, ordinal, spoken_words


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello, world!", "hello world"),
        ("It's John's dog.", "it's john's dog"),
        ("I have 21 cats", "i have twenty one cats"),
        (
            "1,234,567",
            "one million two hundred and thirty four thousand five hundred and sixty seven",
        ),
        ("in 1984 and 2005", "in nineteen eighty four and two thousand five"),
        ("in 1905", "in nineteen oh five"),
        ("3.14", "three point one four"),
        ("the 3rd of May, the 20th", "the third of may the twentieth"),
        ("$5.25 or €1", "five dollars and twenty five cents or one euro"),
        ("$3 million", "three million dollars"),
        ("50% & more", "fifty percent and more"),
        ("at 9:30 or 7:05 or 12:00", "at nine thirty or seven oh five or twelve o'clock"),
        ("Dr. Smith vs. Mr. Jones", "doctor smith versus mister jones"),
        ("on TV in the 90s", "on t. v. in the nineties"),
        ("007", "zero zero seven"),
        ("don’t—stop", "don't stop"),
        ("...", ""),
    ],
)
def test_text_is_spelled_out_as_it_is_read(written: str, spoken: str) -> None:
    assert " ".join(spoken_words(written)) == spoken


def test_numbers_and_places() -> None:
    assert cardinal(0) == "zero"
    assert cardinal(1_000_000) == "one million"
    assert cardinal(112) == "one hundred and twelve"
    assert [ordinal(n) for n in (1, 12, 22, 40)] == [
        "first", "twelfth", "twenty second", "fortieth",
    ]  # fmt: skip
