"""What each word of the mapping language means, in Russian and English (reference.py makes the page of it)."""

from __future__ import annotations

HEADS = {
    "KindRule": ("Файл вида", "A kind's file"),
    "FieldRule": ("Поле (`fields`, `rows`)", "A field (`fields`, `rows`)"),
    "Place": ("Место у системы (`gosuslugi`, `emias`)", "A place at a system (`gosuslugi`, `emias`)"),
    "CodeRule": ("Код словаря (`codes`)", "A code of a dictionary (`codes`)"),
    "Forms": ("Несколько значений одного кода", "Several values of one code"),
    "Copy": ("Правило «только туда» (`copies`)", "A to-only rule (`copies`)"),
    "Constant": ("Постоянное значение (`constants`)", "A constant (`constants`)"),
    "Example": ("Пример (`examples`)", "An example (`examples`)"),
    "Sample": ("Образец записи (`sample`)", "The sample (`sample`)"),
    "formats": ("Форматы (`as`)", "Formats (`as`)"),
}

INTRO = (
    """\
# Язык таблиц соответствия

<!-- Страница сделана из `src/medmost/mapping/`; правьте её источник. -->

Один файл YAML описывает один вид записей: где и как каждая система показывает каждое поле. Из него medmost делает
чтение, запись, проверку, [таблицы](mapping.md) и тесты. Слова, которых здесь нет, не принимаются; обязательные
отмечены звёздочкой. Схема для редактора: [kind.schema.json](../kind.schema.json), её же пишет
`medmost mapping schema`.

При загрузке файл проверяется: каждый пример читается и пишется, образец записи обеих систем читается как примеры
полей и пишется обратно тем же. Что не сошлось, названо файлом, строкой, полем и тем, что допустимо; неверный файл
не загружается. Поля, которых в файле нет, остаются у своей системы нетронутыми.
""",
    """\
# The mapping language

<!-- This page is made of `src/medmost/mapping/`; edit its source. -->

One YAML file describes one kind of records: where and how each system shows each field. Of it medmost makes reading,
writing, checks, [tables](mapping.md) and tests. Words that are not here are refused; mandatory ones have a star.
Schema for editors: [kind.schema.json](../kind.schema.json), written by `medmost mapping schema` too.

A file is checked when it is loaded: every example is read and written, the sample of both systems must read as the
fields' examples and be written as it stands. What does not agree is told by file, line, field and what is allowed; a
wrong file does not load. Fields that no file names stay untouched at their own system.
""",
)

MEANINGS: dict[tuple[str, str], tuple[str, str]] = {
    ("KindRule", "kind"): ("имя вида, как у файла", "the kind's name, as the file's"),
    ("KindRule", "collection"): ("имя собрания в адресах обмена", "the collection's name in addresses"),
    ("KindRule", "title"): ("название по-русски и по-английски", "what people call it, in Russian and English"),
    ("KindRule", "fhir"): ("ресурсы FHIR R4 через запятую", "FHIR R4 resources, with commas"),
    ("KindRule", "key"): (
        "поля естественного ключа; обязательны и есть у обеих систем",
        "fields of the natural key; required, and at both systems",
    ),
    ("KindRule", "fields"): ("поля", "the fields"),
    ("KindRule", "source"): (
        "система, которая ведёт вид; без слова изменяют обе",
        "the system that rules the kind; without it both change records",
    ),
    ("KindRule", "creates"): ("где medmost создаёт записи", "where medmost creates records"),
    ("KindRule", "personal"): ("переносится только для подключённых полисов", "crosses only for linked policies"),
    ("KindRule", "patient"): ("поле с номером полиса пациента", "the field with the patient's policy number"),
    ("KindRule", "clinical"): (
        "открытый спор задерживает всю запись, а не поле",
        "an open conflict holds the whole record, not its field",
    ),
    ("KindRule", "parents"): (
        "поле → вид, чья запись должна появиться раньше",
        "field → kind whose record must have landed before",
    ),
    ("KindRule", "releases_key"): (
        "значения, с которыми запись освобождает свой ключ",
        "values with which a record gives up its key",
    ),
    ("KindRule", "final"): ("значения, которыми запись кончается", "values that end a record's life"),
    ("KindRule", "expires"): (
        "поле времени, после которого запись забывается",
        "the time field after which a record is forgotten",
    ),
    ("KindRule", "moved_from"): ("слово записи о той, чьё место она заняла", "the record's word for its predecessor"),
    ("KindRule", "moved_to"): ("слово прежней записи о новой", "the former record's word for its successor"),
    ("KindRule", "on_refused"): (
        "код отказа → значения, которые пишутся источнику (`null` — слова отказа)",
        "refusal code → values written to the source (`null`: the refusal's own words)",
    ),
    ("KindRule", "unknown"): (
        "поля вне таблицы: только `keep`, они никогда не теряются",
        "fields outside of the table: `keep` only, they are never lost",
    ),
    ("KindRule", "constants"): (
        "что стоит в каждой записи, которую создаёт medmost",
        "what every record holds that medmost creates",
    ),
    ("KindRule", "sample"): ("выдуманная запись у обеих систем", "a made-up record at both systems"),
    ("FieldRule", "name"): ("каноническое имя латиницей", "the canonical name in Latin letters"),
    ("FieldRule", "title"): ("название по-русски и по-английски", "what people call it, in Russian and English"),
    ("FieldRule", "gosuslugi"): ("место у Госуслуг; нет — не показывают", "the place at Gosuslugi; absent: not shown"),
    ("FieldRule", "emias"): ("место у ЕМИАС; нет — не показывает", "the place at EMIAS; absent: not shown"),
    ("FieldRule", "required"): ("без значения запись не принимается", "a record without it does not fit"),
    ("FieldRule", "codes"): ("словарь вместо формата", "a dictionary in place of a format"),
    ("FieldRule", "example"): ("каноническое значение из образца", "the canonical value that the sample shows"),
    ("FieldRule", "examples"): ("другие примеры, в обе стороны", "more examples, both ways"),
    ("FieldRule", "fhir"): ("элемент FHIR R4", "the FHIR R4 element"),
    ("FieldRule", "data"): (
        "класс персональных данных: identity, contact, health, administrative, none",
        "class of personal data: identity, contact, health, administrative, none",
    ),
    ("FieldRule", "crosswalk"): (
        "имя таблицы кодов `kinds/crosswalks/ИМЯ.csv` вместо `codes`",
        "the name of a table of codes, `kinds/crosswalks/NAME.csv`, in place of `codes`",
    ),
    ("FieldRule", "nsi"): ("OID справочника НСИ Минздрава", "OID of the dictionary of the ministry's НСИ"),
    ("FieldRule", "owner"): (
        "чьё значение берётся, если изменили обе: gosuslugi, emias, latest, person (по умолчанию person)",
        "whose value is taken if both changed it: gosuslugi, emias, latest, person (the default)",
    ),
    ("FieldRule", "style"): (
        "replace; forward — состояние идёт только вперёд; follows — вслед за другим полем; grow — строки добавляются",
        "replace; forward: a state that only goes on; follows: goes with another field; grow: rows are added",
    ),
    ("FieldRule", "order"): ("forward: состояние → все, что могут идти за ним", "forward: state → all that may follow"),
    ("FieldRule", "leader"): ("follows: ведущее поле", "follows: the leading field"),
    ("FieldRule", "source"): (
        "система, которая ведёт одно это поле; `owner` тогда не нужен",
        "the system that rules this field alone; no `owner` then",
    ),
    ("FieldRule", "rows"): ("поле — список строк из этих полей", "the field is a list of rows of these fields"),
    ("FieldRule", "row_key"): ("поля, по которым узнаётся строка", "fields by which a row is known"),
    ("FieldRule", "ends"): ("grow: статусы, которые кончают запись", "grow: statuses that end the record"),
    ("Place", "at"): (
        "путь: `name`, `section.name`, `list[key=value].name` (последний только читается)",
        "a path: `name`, `section.name`, `list[key=value].name` (the last is only read)",
    ),
    ("Place", "or"): ("другие имена, которые читаются, если `at` пусто", "other names, read where `at` is empty"),
    ("Place", "as"): ("формат", "the format"),
    ("Place", "writes"): ("`false` — правило «только оттуда»: не пишется", "`false`: a from-only rule, never written"),
    ("Place", "reason"): ("почему не пишется", "why it is never written"),
    ("Place", "copies"): ("куда ещё пишется; оттуда не читается", "where it is written as well and never read"),
    ("Place", "last"): ("grow: где запись повторяет последнюю строку", "grow: where the record repeats its last row"),
    ("CodeRule", "gosuslugi"): ("что показывают Госуслуги", "what Gosuslugi shows"),
    ("CodeRule", "emias"): ("что показывает ЕМИАС", "what EMIAS shows"),
    ("Forms", "writes"): ("что пишется", "what is written"),
    ("Forms", "reads"): ("что ещё читается как этот код", "what else is read as this code"),
    ("Copy", "at"): ("путь", "the path"),
    ("Copy", "reason"): ("зачем", "what for"),
    ("Copy", "as"): ("формат, если другой", "the format, if another"),
    ("Constant", "side"): ("система", "the system"),
    ("Constant", "at"): ("путь", "the path"),
    ("Constant", "value"): ("значение", "the value"),
    ("Constant", "reason"): ("зачем", "what for"),
    ("Example", "value"): ("каноническое значение", "the canonical value"),
    ("Example", "gosuslugi"): ("как пишут Госуслуги; читается и пишется", "as Gosuslugi has it; read and written"),
    ("Example", "emias"): ("как пишет ЕМИАС; читается и пишется", "as EMIAS has it; read and written"),
    ("Example", "reads"): ("другие записи того же, только чтение", "other spellings of it, only read"),
    ("Sample", "gosuslugi"): ("запись, как её показывают Госуслуги", "the record as Gosuslugi shows it"),
    ("Sample", "emias"): ("та же запись, как её показывает ЕМИАС", "the same record as EMIAS shows it"),
}
