"""Words in the heads of tables: over values, over names of fields. SPEC.md section 11."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+")
_VALUES = frozenset(
    {
        *("value", "values", "answer", "answers", "entry", "input"),
        *("wert", "werte", "antwort", "eingabe", "waarde", "antwoord", "värde", "værdi", "verdi"),
        *("valeur", "valeurs", "réponse", "valor", "valores", "respuesta", "resposta", "valore", "valori", "risposta"),
        *("wartość", "hodnota", "значение", "значения", "ответ", "значення", "відповідь", "arvo", "érték", "değer"),
        *("القيمة", "قيمة", "الجواب", "ערך", "مقدار", "मान", "मूल्य", "nilai"),
    }
)
_PRESENT = frozenset(
    {
        *("current", "old", "previous", "existing", "original", "aktueller", "bisheriger", "alter", "vorheriger"),
        *("huidige", "actuelle", "ancienne", "actual", "anterior", "atual", "attuale", "aktualna"),
        *("текущее", "старое", "الحالية"),
    }
)
"""Words of a head over the values as they are."""
_RULES = frozenset(
    {
        *("type", "types", "format", "default", "defaults", "allowed", "permitted", "possible", "valid", "accepted"),
        *(
            "example",
            "examples",
            "sample",
            "expected",
            "required",
            "options",
            "choices",
            "range",
            "limit",
            "min",
            "max",
        ),
        *("mögliche", "möglicher", "erlaubte", "erlaubter", "zulässige", "zulässiger", "gültige", "beispiel"),
        *("défaut", "possibles", "autorisée", "autorisées", "permises", "valides", "exemple"),
        *("defecto", "predeterminado", "posible", "posibles", "permitido", "permitidos", "válidos", "ejemplo", "tipo"),
        *("padrão", "possíveis", "exemplo", "predefinito", "possibili", "consentiti", "ammessi", "esempio", "formato"),
        *("standaard", "mogelijke", "toegestane", "voorbeeld", "möjliga", "tillåtna", "mulige", "tilladte", "eksempel"),
        *(
            "domyślna",
            "przykładowa",
            "výchozí",
            "možné",
            "возможные",
            "допустимые",
            "возможное",
            "допустимое",
            "пример",
        ),
        *(
            "умолчанию",
            "тип",
            "формат",
            "можливі",
            "допустимі",
            "приклад",
            "olası",
            "örnek",
            "lehetséges",
            "mahdolliset",
        ),
        *("الافتراضية", "الممكنة", "المسموحة", "نوع", "مثال", "संभावित", "उदाहरण", "contoh"),
    }
)
"""Words of a head over what the values may be."""
_OTHER_CJK = re.compile(
    "^(?:当前|目前|现有|現在|원래|현재|原)|默认|預設|可选|可選|可能|可用|允许|允許|有效|示例|例|类型|類型|格式|说明|說明|描述"
    "|既定|初期|デフォルト|選択肢|許容|可能|形式|기본|가능|허용|예시|유형"
)
"""The same in languages without spaces between words."""
_VALUE_ENDINGS = ("值", "値", "값", "内容", "內容", "回答", "答案", "답변")
_FIELDS = frozenset(
    {
        *("field", "fields", "key", "keys", "label", "labels", "question", "questions"),
        *("schlüssel", "beschriftung", "frage", "veld", "velden", "sleutel", "vraag", "fråga", "nyckel", "nøgle"),
        *("champ", "champs", "clé", "libellé", "campo", "campos", "campi", "clave", "etiqueta", "pregunta", "chave"),
        *("rótulo", "pergunta", "chiave", "etichetta", "domanda", "pole", "pola", "klucz", "klíč", "pytanie", "otázka"),
        *("поле", "поля", "ключ", "вопрос", "питання", "kenttä", "mező", "kulcs", "alan", "anahtar", "câmp"),
        *("الحقل", "حقل", "المفتاح", "السؤال", "שדה", "فیلد", "फ़ील्ड", "फील्ड", "medan", "kolom"),
    }
)
"""Words of a head over the names of fields. An item, a product or a name may be a row's."""
_FIELD_BEGINNINGS = ("feld", "formularfeld", "fält", "felt")
_CJK_FIELDS = re.compile("字段|栏位|欄位|項目|フィールド|필드|항목|设问|設問|質問|问题|問題|(?:キー|键|鍵|키)$")
"""The same in languages without spaces between words."""


def says_values(text: str) -> bool:
    """Whether a head stands over values as they are to be: not as they were, nor as they may be."""
    bare = text.strip(" *_`").casefold()
    words = _WORD.findall(bare)
    if _OTHER_CJK.search(bare) or not (_PRESENT | _RULES).isdisjoint(words):
        return False
    return bare.endswith(_VALUE_ENDINGS) or not _VALUES.isdisjoint(words)


def says_fields(text: str) -> bool:
    """Whether a head stands over the names of fields."""
    bare = text.strip(" *_`").casefold()
    words = _WORD.findall(bare)
    return _CJK_FIELDS.search(bare) is not None or any(
        word in _FIELDS or word.startswith(_FIELD_BEGINNINGS) for word in words
    )
