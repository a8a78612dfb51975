"""What analyses and studies measure: tests with units, reference bounds and realistic decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from random import Random

from medmost_stand.world.model import Record


@dataclass(slots=True, frozen=True)
class Test:
    """One measured thing; `low`..`high` are its usual bounds, `digits` the decimals a laboratory prints."""

    code: str
    name: str
    unit: str
    low: str
    high: str
    digits: int

    def observe(self, rng: Random) -> Record:
        """A value, mostly within the bounds, with the flag that follows from it."""
        low, high, start, width = _bounds(self.low, self.high)
        place = rng.gauss(0.5, 0.28)
        value = max(Decimal(str(round(start + place * width, self.digits))), _NOTHING)
        return {
            "code": self.code,
            "name": self.name,
            "value": value,
            "unit": self.unit,
            "low": low,
            "high": high,
            "flag": flag(value, low, high),
        }


_NOTHING = Decimal(0)


@cache
def _bounds(low: str, high: str) -> tuple[Decimal, Decimal, float, float]:
    return Decimal(low), Decimal(high), float(low), float(Decimal(high) - Decimal(low))


@dataclass(slots=True, frozen=True)
class Panel:
    """A service that issues one document with two to six of its tests."""

    category: str  # laboratory | diagnostic
    code: str
    title: str
    tests: tuple[Test, ...]
    conclusions: tuple[str, ...]


def flag(value: Decimal, low: Decimal, high: Decimal) -> str:
    """none, low or high: where the value lies about its bounds."""
    return "low" if value < low else "high" if value > high else "none"


NORMAL = ("Показатели в пределах нормы.", "Без существенных отклонений.", "Рекомендован контроль через 6 месяцев.")

PANELS = (
    Panel(
        "laboratory",
        "B03.016.002",
        "Общий (клинический) анализ крови",
        (
            Test("1017128", "Гемоглобин", "г/л", "120", "160", 0),
            Test("1017132", "Эритроциты", "10^12/л", "3.8", "5.3", 2),
            Test("1017147", "Лейкоциты", "10^9/л", "4", "9", 1),
            Test("1017140", "Тромбоциты", "10^9/л", "150", "400", 0),
            Test("1017123", "Гематокрит", "%", "35", "47", 1),
            Test("1017115", "СОЭ", "мм/ч", "2", "20", 0),
        ),
        NORMAL,
    ),
    Panel(
        "laboratory",
        "B03.016.004",
        "Анализ крови биохимический общетерапевтический",
        (
            Test("1017010", "Глюкоза", "ммоль/л", "3.9", "6.1", 2),
            Test("1017021", "Холестерин общий", "ммоль/л", "3.2", "5.2", 2),
            Test("1017034", "Креатинин", "мкмоль/л", "53", "97", 1),
            Test("1017041", "Мочевина", "ммоль/л", "2.5", "8.3", 1),
            Test("1017055", "АЛТ", "Ед/л", "7", "41", 1),
            Test("1017056", "АСТ", "Ед/л", "8", "40", 1),
        ),
        NORMAL,
    ),
    Panel(
        "laboratory",
        "B03.016.006",
        "Общий (клинический) анализ мочи",
        (
            Test("1018001", "Относительная плотность", "г/мл", "1.01", "1.025", 3),
            Test("1018002", "Реакция (pH)", "ед. pH", "5", "7.5", 1),
            Test("1018003", "Белок", "г/л", "0", "0.14", 2),
            Test("1018004", "Лейкоциты в поле зрения", "шт.", "0", "5", 0),
        ),
        NORMAL,
    ),
    Panel(
        "laboratory",
        "A09.05.065",
        "Исследование гормонов щитовидной железы",
        (
            Test("1019011", "Тиреотропный гормон", "мМЕ/л", "0.4", "4", 3),
            Test("1019012", "Тироксин свободный", "пмоль/л", "9", "19", 1),
            Test("1019013", "Трийодтиронин свободный", "пмоль/л", "2.6", "5.7", 2),
        ),
        ("Эутиреоз.", "Рекомендована консультация эндокринолога."),
    ),
    Panel(
        "diagnostic",
        "A05.10.006",
        "Регистрация электрокардиограммы",
        (
            Test("2001001", "Частота сердечных сокращений", "уд/мин", "60", "90", 0),
            Test("2001002", "Интервал PQ", "мс", "120", "200", 0),
            Test("2001003", "Комплекс QRS", "мс", "60", "100", 0),
            Test("2001004", "Интервал QT", "мс", "350", "450", 0),
        ),
        ("Синусовый ритм.", "Синусовый ритм, нормальное положение оси сердца.", "Синусовая тахикардия."),
    ),
    Panel(
        "diagnostic",
        "A04.22.001",
        "Ультразвуковое исследование щитовидной железы",
        (
            Test("2002001", "Объём правой доли", "мл", "2.6", "9", 1),
            Test("2002002", "Объём левой доли", "мл", "2.4", "8.5", 1),
            Test("2002003", "Толщина перешейка", "мм", "2", "5", 1),
        ),
        ("Эхопризнаков очаговой патологии не выявлено.", "Единичный коллоидный узел, TI-RADS 2."),
    ),
    Panel(
        "diagnostic",
        "A12.09.001",
        "Исследование функции внешнего дыхания",
        (
            Test("2003001", "ФЖЕЛ", "л", "2.8", "5.6", 2),
            Test("2003002", "ОФВ1", "л", "2.2", "4.6", 2),
        ),
        ("Нарушений вентиляционной функции лёгких не выявлено.",),
    ),
)


def document(rng: Random) -> Record:
    """The measured part of a result: category, title, code, conclusion, observations."""
    panel = rng.choice(PANELS)
    count = rng.randint(2, len(panel.tests))
    chosen = sorted(rng.sample(range(len(panel.tests)), count))
    return {
        "category": panel.category,
        "title": panel.title,
        "code": panel.code,
        "conclusion": rng.choice(panel.conclusions) if rng.random() < 0.85 else None,
        "observations": [panel.tests[place].observe(rng) for place in chosen],
    }
