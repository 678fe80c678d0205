"""Mail that a machine wrote: headers, addresses, subjects and openings, whatever the vendor.

Answering a machine starts a loop, and leaving a customer unanswered loses one. So headers and addresses
decide alone, while words count only where a machine puts them: as the subject, or as the opening of the
text. "When will you be out of office?" in the middle of a message is a customer's question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ADDRESS, SUBJECT = 320, 1000  # characters: more is no address (RFC 5321), and no subject that a person reads
OPENING = 240  # characters of the text in which an automatic reply gives itself away

_ROBOTS = r"""
    (?:do[-_.]?not[-_.]?reply | no[-_.]?reply | ne[-_.]?pas[-_.]?repondre | nicht[-_.]?antworten | noresponder
    | no[-_.]?responder | geen[-_.]?antwoord | non[-_.]?rispondere | nao[-_.]?responda
    | mailer[-_.]?daemon | postmaster | mail[-_.]?delivery[-_.]?(?:subsystem|system) | auto[-_.]?reply
    | bounces? | bounce[-_.+][^@]*)
"""
_ROBOT_ADDRESS = re.compile(
    rf"^(?:[^@]{{0,64}}[-_.+])?(?:{_ROBOTS})(?:[-_.+][^@]*)?@|^<>$|^mailer-daemon$",
    re.IGNORECASE | re.VERBOSE,
)

# RFC 3834: Auto-Submitted is "no" for people; everything else was made by a program.
_ANY_OF_THESE = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-failed-recipients", "x-auto-reply")
_LISTS = ("list-id", "list-unsubscribe", "feedback-id")
_BULK = {"bulk", "junk", "list", "auto_reply"}
# Exchange writes "OOF, AutoReply", "All" or "DR, RN, NRN…"; only OOF and AutoReply mean "do not answer me, I am a
# machine": ordinary newsletters and even hand-written mail carry "All".
_SUPPRESSED = re.compile(r"\b(oof|autoreply)\b", re.IGNORECASE)

_PREFIX = r"^\s*(?:(?:re|aw|sv|antw|rif|res|tr|fw|fwd|wg)\s*:\s*)*"

_SUBJECT_OUT_OF_OFFICE = (
    # English
    r"out[ -]of[ -](?:the[ -])?office(?:\s*(?:$|[:(\[–—-]|reply|message|notification|auto|re\b))",
    r"(?:ooo|oof)\s*(?:$|[:(\[–—-])",
    r"auto(?:matic|mated)?[ -]?(?:reply|response)\s*(?:$|[:(\[–—-])",
    r"autoresponder\s*(?:$|:)",
    r"(?:i am|i'm|currently) out of (?:the )?office",
    r"vacation (?:reply|response|message|notice)",
    # German
    r"automatische (?:antwort|abwesenheits|r[üu]ckantwort)",
    r"abwesenheits(?:notiz|nachricht|meldung|assistent|agent)",
    r"(?:bin |ich bin )?(?:nicht im (?:b[üu]ro|haus)|au(?:ß|ss)er haus|abwesend)\s*(?:$|[:(\[–—-]|bis\b|vom\b)",
    # French
    r"r[ée]ponse automatique",
    r"(?:message|notification) d['’]absence",
    r"absen(?:ce|te?) (?:du bureau|jusqu|du \d)",
    # Spanish
    r"respuesta autom[áa]tica",
    r"(?:mensaje de ausencia|ausencia de la oficina)",
    r"fuera de (?:la )?oficina\s*(?:$|[:(\[–—-]|hasta)",
    # Dutch
    r"automatisch antwoord",
    r"afwezigheids(?:bericht|melding)",
    r"(?:afwezig|niet op kantoor)\s*(?:$|[:(\[–—-]|tot\b)",
    # Italian
    r"risposta automatica",
    r"(?:messaggio di assenza|assenza dall['’]ufficio)",
    r"fuori (?:sede|ufficio)\s*(?:$|[:(\[–—-]|fino)",
    # Portuguese
    r"resposta autom[áa]tica",
    r"(?:mensagem de aus[êe]ncia|aus[êe]ncia do escrit[óo]rio)",
    r"fora do escrit[óo]rio\s*(?:$|[:(\[–—-]|at[ée])",
)
# Parcels are not delivered either: each of these says that it means a message, or ends as only a mail server's does.
_SUBJECT_NOT_DELIVERED = (
    # English
    r"undeliver(?:able|ed)(?:\s*:| mail\b| message\b)",
    r"undeliverable\s*$",
    r"mail delivery (?:failed|failure|system|subsystem)",
    r"delivery (?:status notification|notification:|has failed to these)",
    r"failure notice\s*$",
    r"returned mail\s*:",
    r"message (?:undeliverable|delivery (?:failure|delayed))",
    # German
    r"unzustellbar\s*(?:$|:)",
    r"(?:nachricht|e-?mail) (?:konnte nicht zugestellt werden|nicht zustellbar|ist nicht zustellbar)",
    r"fehler bei der (?:e-?mail-?)zustellung",
    # French
    r"non remis(?:e)?\s*(?:$|:)",
    r"(?:[ée]chec|notification d['’][ée]chec) de (?:la )?(?:remise|distribution)",
    r"message non (?:remis|distribu[ée])",
    # Spanish
    r"no se (?:puede|pudo|ha podido) entregar\s*(?:$|:|(?:el|su|tu) (?:mensaje|correo))",
    r"mensaje no (?:entregado|entregable)",
    # Dutch
    r"onbestelbaar\s*(?:$|:)",
    r"(?:bericht|e-?mail) (?:niet bezorgd|kan niet worden bezorgd)",
    # Italian
    r"(?:mancato recapito|impossibile recapitare)\s*(?:$|:|il messaggio)",
    r"messaggio non recapitabile",
    # Portuguese
    r"n[ãa]o foi poss[íi]vel entregar\s*(?:$|:|a mensagem)",
    r"mensagem n[ãa]o entregue",
)
_OPENING_OUT_OF_OFFICE = (
    # English
    r"(?:this is an? )auto(?:matic|mated|-)? ?(?:reply|response|message|e-?mail)\b",
    r"auto(?:matic|mated|-)? ?(?:reply|response)\s*[:.–—-]",
    r"i(?: am|['’]m|(?: will| shall) be)(?: currently| presently)? (?:out of (?:the )?office|on (?:annual|parental|maternity|paternity|sick|medical) leave|on (?:vacation|holiday))[^?]{0,80}\b(?:until|till|through|return|back|from|limited access|no access|with)\b",
    r"thank(?:s| you) for your (?:e-?mail|message)[.!,]?\s+i(?: am|['’]m|(?: will| shall) be)(?: currently| presently)? (?:out of (?:the )?office|away|on (?:annual )?leave|on (?:vacation|holiday))",
    r"i(?: am|['’]m) currently out of (?:the )?office\b",
    # German
    r"(?:dies ist eine |das ist eine )automat(?:ische|isch (?:generierte|erstellte|erzeugte)) (?:antwort|nachricht|e-?mail|mail)",
    r"(?:vielen dank|danke) f[üu]r (?:ihre|deine|eure) (?:e-?mail|mail|nachricht)[.!,]?\s+(?:ich bin|ich befinde mich|zurzeit|derzeit|aktuell)[^?]{0,60}(?:nicht im (?:b[üu]ro|haus)|abwesend|au(?:ß|ss)er haus|im urlaub|nicht erreichbar)",
    r"ich bin (?:zurzeit |derzeit |momentan |aktuell |vor[üu]bergehend |leider )?(?:bis|vom|ab|nicht im (?:b[üu]ro|haus)|abwesend|au(?:ß|ss)er haus|im urlaub)[^?]{0,80}(?:abwesend|au(?:ß|ss)er haus|nicht im (?:b[üu]ro|haus)|nicht erreichbar|wieder|zur[üu]ck|weitergeleitet|im urlaub)",
    # French
    r"(?:ceci est une |il s['’]agit d['’]une )?r[ée]ponse automatique",
    r"je suis (?:actuellement |pr[ée]sentement )?(?:absente?|en cong[ée]s?|en vacances)[^?]{0,80}(?:jusqu|retour|de retour|du \d|à partir)",
    # Spanish
    r"(?:[ée]sta es una |este es un )?(?:respuesta autom[áa]tica|mensaje autom[áa]tico)",
    r"(?:actualmente )?(?:estoy|me encuentro|estar[ée]) (?:actualmente )?(?:fuera de (?:la|mi) oficina|de vacaciones|ausente)[^?]{0,80}(?:hasta|regreso|vuelvo|volver[ée]|a partir|del \d)",
    # Dutch
    r"(?:dit is een )automatisch (?:antwoord|bericht|gegenereerd)",
    r"(?:ik ben )(?:momenteel |op dit moment )?(?:afwezig|niet (?:op kantoor|aanwezig)|op vakantie|met verlof)[^?]{0,80}(?:tot|terug|vanaf|t/m)",
    # Italian
    r"(?:questa [èe] una |questo [èe] un )(?:risposta automatica|messaggio automatico)",
    r"(?:sono|sar[òo]) (?:attualmente )?(?:assente|fuori (?:ufficio|sede)|in ferie)[^?]{0,80}(?:fino|rientro|rientrer[òo]|torner[òo]|dal \d)",
    # Portuguese
    r"(?:esta [ée] uma |este [ée] um[a]? )(?:resposta autom[áa]tica|mensagem autom[áa]tica|e-?mail autom[áa]tico)",
    r"(?:estou|estarei|encontro-me) (?:atualmente )?(?:fora do escrit[óo]rio|ausente|de f[ée]rias)[^?]{0,80}(?:at[ée]|retorno|regresso|volto|voltarei|a partir|de \d)",
)
_OPENING_NOT_DELIVERED = (
    r"(?:this is the mail system at host|hi\. this is the qmail-send program)",
    r"this message was created automatically by mail delivery software",
    r"(?:your message|the following message|delivery) (?:to .{1,80} )?(?:could(?:n['’]t| not) be delivered|has (?:failed|been delayed)|to the following recipients? failed)",
    r"(?:address not found|delivery has failed to these recipients)",
    r"your message wasn['’]t delivered",
    r"(?:ihre|die) (?:e-?mail|nachricht)(?: an .{1,80})? (?:konnte nicht zugestellt werden|ist nicht zustellbar)",
    r"(?:votre|le) message (?:n['’]a pas (?:pu [êe]tre|[ée]t[ée]) (?:remis|distribu[ée]|d[ée]livr[ée]))",
    r"(?:su|tu|el) mensaje no (?:se ha podido entregar|pudo entregarse|se entreg[óo])",
    r"(?:uw|je|het) bericht (?:kon niet worden (?:bezorgd|afgeleverd)|is niet bezorgd)",
    r"(?:il (?:suo|tuo) )?messaggio non [èe] stato (?:recapitato|consegnato)",
    r"(?:a )?sua mensagem n[ãa]o (?:p[ôo]de ser|foi) entregue",
)


def _any(patterns: tuple[str, ...], before: str) -> re.Pattern[str]:
    return re.compile(before + "(?:" + "|".join(f"(?:{p})" for p in patterns) + ")", re.IGNORECASE)


# An opening may follow a greeting line ("Hello," / "Guten Tag,"), never a sentence.
_GREETING = (
    r"^\W*(?:(?:hello|hi|hey|dear|guten tag|hallo|sehr geehrte|liebe|bonjour|hola|buen|estimad|beste|geachte|"
    r"buongiorno|gentile|ciao|ol[áa]|prezad|caro|bom dia)[^\n.!?]{0,60}[,!:.]?\s+)?"
)
_WORDS = (
    ("subject", _any(_SUBJECT_NOT_DELIVERED, _PREFIX), "the subject of a delivery failure"),
    ("subject", _any(_SUBJECT_OUT_OF_OFFICE, _PREFIX), "the subject of an out-of-office reply"),
    ("opening", _any(_OPENING_NOT_DELIVERED, _GREETING), "the opening of a delivery failure"),
    ("opening", _any(_OPENING_OUT_OF_OFFICE, _GREETING), "the opening of an out-of-office reply"),
)


def machine_reason(subject: str, text: str, from_email: str, headers: Mapping[str, str] | None = None) -> str:
    """Why a machine wrote this mail, in words for the ticket's history; "" when a person did."""
    by_header = _header_reason(headers or {})
    if by_header:
        return by_header
    address = from_email.strip()[:ADDRESS]
    if _ROBOT_ADDRESS.search(address):
        return f"it comes from {address}, which nobody reads"
    places = {"subject": subject[:SUBJECT], "opening": text[:OPENING]}
    return next((f"it has {what}" for place, seen, what in _WORDS if seen.search(places[place])), "")


def _header_reason(headers: Mapping[str, str]) -> str:
    lower = {name.lower(): str(value).strip() for name, value in headers.items()}
    automatic = lower.get("auto-submitted", "no").split(";")[0].strip().lower()
    if automatic not in {"no", ""}:
        return f"its header says auto-submitted: {automatic}"
    if lower.get("precedence", "").lower() in _BULK:
        return f"its header says precedence: {lower['precedence'].lower()}"
    if _SUPPRESSED.search(lower.get("x-auto-response-suppress", "")):
        return "its header says that it is an automatic reply"
    if lower.get("return-path", "") == "<>":
        return "its return path is empty, as that of delivery reports is"
    if lower.get("content-type", "").lower().startswith("multipart/report"):
        return "it is a delivery report"
    found = next((name for name in (*_ANY_OF_THESE, *_LISTS) if name in lower), "")
    return f"it carries the header {found}" if found else ""
