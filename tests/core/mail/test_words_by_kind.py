"""What of a message is the customer's now: each kind of fault that public reports name, in several inputs."""

from __future__ import annotations

import pytest

from core.classify.text import clean, customer_words

ASKED = "When will the blue bicycle be here?"
DISPUTE = "someone has paid with my card and it was not me"

OWN_LINES = {
    # a line of dashes in the middle of a message
    "dashes": f"{ASKED}\n--\nOne more thing: {DISPUTE}.",
    "dashes and a space": f"{ASKED}\n-- \nOne more thing: {DISPUTE}.",
    "three dashes": f"{ASKED}\n---\nAnd {DISPUTE}!\n---\nthank you",
    "underscores": f"{ASKED}\n__________\nAlso {DISPUTE}.",
    "dashes, then a name and more": f"{ASKED}\n--\nMaya Lind\nPlease hurry, {DISPUTE}.",
    # lines that begin with ">" and quote nobody
    "one arrow": f"{ASKED}\n> and {DISPUTE}",
    "arrows as bullets": f"Two points:\n> {ASKED}\n> {DISPUTE}",
    "arrows around the address": f"{ASKED}\n> 4 Mill Lane, Ripon\nBesides, {DISPUTE}.",
    "full-width arrows": f"{ASKED}\n＞ {DISPUTE}",
    # the customer retells what somebody wrote
    "retold": f"{ASKED}\nOn 9 June your agent Kim wrote:\n'next week at the latest'\nIt did not come, and {DISPUTE}.",
    "retold with the hour": f"{ASKED}\nOn 9 June 2026 at 11:20 your driver wrote:\nI am at the door\nNobody was, and {DISPUTE}.",
    "retold in German": f"{ASKED}\nAm 9. Juni schrieb mir Ihr Kollege:\nDas Rad kommt Montag\nEs kam nicht, {DISPUTE}.",
    "retold in French": f"{ASKED}\nLe 9 juin votre collègue m'a écrit :\nlundi au plus tard\nRien, et {DISPUTE}.",
    "retold in Spanish": f"{ASKED}\nEl 9 de junio su agente me escribió:\nllega el lunes\nNada, y {DISPUTE}.",
    "retold in its own paragraph": f'{ASKED}\n\nOn 9 June 2026 at 11:20 Kim Hart wrote:\n\n"next week"\n\nNo, and {DISPUTE}.',
    # lines that only look like a mail's header
    "a delivery": f"{ASKED}\nFrom: your shop in Hull\nTo: 4 Mill Lane, Ripon\nBesides, {DISPUTE}.",
    "a journey": f"{ASKED}\nFrom: Rome\nTo: Oslo\nDate: 3 May 2026\nAnd {DISPUTE}.",
    "a journey in German": f"{ASKED}\nVon: Ulm\nAn: Kiel\nDatum: 3.5.2026, 08:15\n{DISPUTE}",
    "a journey in Italian": f"{ASKED}\nDa: Roma\nA: Bari\nData: 3 maggio 2026\nOggetto: cambio\n{DISPUTE}",
    # words that only look like a sign-off
    "thanks, and more": f"{ASKED}\nThanks\nPlease also see that {DISPUTE}.",
    "a postscript": f"{ASKED}\n\nKind regards\nMaya\n\nPS: {DISPUTE}",
    "a postscript below dashes": f"{ASKED}\n-- \nMaya Lind\nPS {DISPUTE}",
    "sent from, in a sentence": f"{ASKED} It was sent from my phone, an Android, and {DISPUTE}.",
    # answers between quotations
    "answers between": (
        f"{ASKED}\n\nOn Mon, 8 Jun 2026 at 10:00, Wheels <hi@wheels.example> wrote:\n\n> Is it paid?\n\nNo: {DISPUTE}."
    ),
    "answers between, in Dutch": (
        f"Op ma 8 jun. 2026 om 10:00 schreef Wheels <hi@wheels.example>:\n> Betaald?\n{ASKED}\n> Adres?\n{DISPUTE}"
    ),
    "answers between, in Polish": (
        f"W dniu 8.06.2026 o 10:00, Wheels pisze:\n> Zapłacone?\n\n{ASKED}\n\n> Adres?\n\n{DISPUTE}"
    ),
    "answers below, in Russian": f"08.06.2026 10:00, Wheels пишет:\n> Оплачено?\n{ASKED}\n{DISPUTE}",
    # forwarded mail is the message
    "forwarded": (
        f"{ASKED}\n\n---------- Forwarded message ---------\nFrom: Dad <dad@home.example>\nDate: Mon, 8 Jun 2026\n"
        f"Subject: card\nTo: Maya\n\nHello Maya, {DISPUTE}."
    ),
    "forwarded by a phone": (
        f"{ASKED}\n\n> Begin forwarded message:\n> \n> From: Dad <dad@home.example>\n> Date: 8 June 2026\n> To: Maya\n> \n> {DISPUTE}"
    ),
    "forwarded in German": (
        f"{ASKED}\n\n-------- Weitergeleitete Nachricht --------\nBetreff: Karte\nDatum: 8.6.2026\nVon: Papa\n\n{DISPUTE}"
    ),
    "forwarded in Swedish": (
        f"{ASKED}\n\n---------- Vidarebefordrat meddelande ----------\nFrån: Far <far@hem.example>\nDatum: 8 juni\n\n{DISPUTE}"
    ),
    "forwarded with quotes in it": (
        f"{ASKED}\n\n---------- Forwarded message ---------\nFrom: Dad <dad@home.example>\nDate: Mon, 8 Jun 2026\n\n"
        f"See below.\n\nOn Sun, 7 Jun 2026 at 9:00 Bank <no@bank.example> wrote:\n> {DISPUTE}"
    ),
    "a contact form": f"From: Maya Lind <maya@post.example>\nSubject: {ASKED}\n\nMessage: {DISPUTE}",
}


@pytest.mark.parametrize("text", OWN_LINES.values(), ids=OWN_LINES.keys())
def test_no_word_of_the_customers_is_lost(text: str) -> None:
    words = customer_words(text)
    assert DISPUTE in words
    assert ASKED in words


HTML_OWN = {
    "gmail, answered between": (
        f"<div>{ASKED}<div class='gmail_quote'><div class='gmail_attr'>On Mon, 8 Jun 2026 Wheels &lt;hi@wheels.example&gt; wrote:</div>"
        f"<blockquote class='gmail_quote'>Is it paid?</blockquote><div>{DISPUTE}</div></div></div>"
    ),
    "gmail, forwarded": (
        f"<div>{ASKED}<div class='gmail_quote'><div class='gmail_attr'>---------- Forwarded message ---------<br>From: Dad<br>"
        f"Date: Mon, 8 Jun 2026<br></div><br>{DISPUTE}</div></div>"
    ),
    "apple, answered between": (
        f"<div>{ASKED}</div><blockquote type='cite'>On 8 Jun 2026, at 10:00, Wheels &lt;hi@wheels.example&gt; wrote:<br>Is it paid?"
        f"</blockquote><div>{DISPUTE}</div><blockquote type='cite'>Bye</blockquote>"
    ),
    "an indented list": f"<div>{ASKED}<blockquote style='margin:0 0 0 40px'>{DISPUTE}</blockquote></div>",
    "white on a dark ground": f"<p>{ASKED}</p><div style='background-color:#222'><p style='color:#fff'>{DISPUTE}</p></div>",
    "white on a ground set by a rule": (
        f"<style>.card {{ background: #102030; }}</style><p>{ASKED}</p><div class='card'><b style='color:white'>{DISPUTE}</b></div>"
    ),
    "a wrapper of size 0": f"<p>{ASKED}</p><td style='font-size:0px'><div style='font-size:14px'>{DISPUTE}</div></td>",
    "hidden on phones only": (
        f"<style>@media (max-width:600px) {{ .wide {{ display:none }} }}</style><p>{ASKED}</p><p class='wide'>{DISPUTE}</p>"
    ),
    "below the reader's own mark": f"<p>{ASKED}</p><div id='Signature'><p>Maya Lind</p><p>By the way, {DISPUTE}.</p></div>",
}


@pytest.mark.parametrize("html", HTML_OWN.values(), ids=HTML_OWN.keys())
def test_no_word_that_is_seen_is_lost(html: str) -> None:
    words = customer_words("", html)
    assert DISPUTE in words
    assert ASKED in words


OLD = "We have cancelled order 88"

HISTORY = {
    "Portuguese Outlook": f"{ASKED}\n\nDe: Wheels <hi@wheels.example>\nEnviada em: segunda-feira, 8 de junho de 2026 10:00\nPara: Maya\nAssunto: Pedido\n\n{OLD}",
    "Danish Outlook": f"{ASKED}\n\nFra: Wheels <hi@wheels.example>\nSendt: 8. juni 2026 10:00\nTil: Maya\nEmne: Ordre\n\n{OLD}",
    "Hungarian Outlook": f"{ASKED}\n\nFeladó: Wheels <hi@wheels.example>\nKüldve: 2026. június 8., hétfő 10:00\nCímzett: Maya\nTárgy: Rendelés\n\n{OLD}",
    "Turkish Outlook": f"{ASKED}\n\nKimden: Wheels <hi@wheels.example>\nGönderildi: 8 Haziran 2026 Pazartesi 10:00\nKime: Maya\nKonu: Sipariş\n\n{OLD}",
    "Greek Outlook": f"{ASKED}\n\nΑπό: Wheels <hi@wheels.example>\nΣτάλθηκε: Δευτέρα, 8 Ιουνίου 2026 10:00 πμ\nΠρος: Maya\nΘέμα: Παραγγελία\n\n{OLD}",
    "Finnish Outlook, no address": f"{ASKED}\n\nLähettäjä: Wheels\nLähetetty: maanantai 8. kesäkuuta 2026 10.00\nVastaanottaja: Maya\nAihe: Tilaus\n\n{OLD}",
    "Russian Gmail": f"{ASKED}\n\nпн, 8 июн. 2026 г. в 10:00, Wheels <hi@wheels.example>:\n\n{OLD}",
    "Japanese Gmail": f"{ASKED}\n\n2026年6月8日(月) 10:00 Wheels <hi@wheels.example>:\n\n{OLD}",
    "Korean Gmail": f"{ASKED}\n\n2026년 6월 8일 (월) 오전 10:00, Wheels <hi@wheels.example>님이 작성:\n\n{OLD}",
    "Czech Gmail": f"{ASKED}\n\npo 8. 6. 2026 v 10:00 odesílatel Wheels <hi@wheels.example> napsal:\n\n{OLD}",
    "Arabic Gmail": f"{ASKED}\n\nفي الاثنين، 8 يونيو 2026 في 10:00 ص تمت كتابة ما يلي بواسطة Wheels <hi@wheels.example>:\n\n{OLD}",
    "Ukrainian Gmail": f"{ASKED}\n\nпн, 8 черв. 2026 р. о 10:00 Wheels <hi@wheels.example> пише:\n\n{OLD}",
    "Persian digits": f"{ASKED}\n\nدر تاریخ دوشنبه ۸ ژوئن ۲۰۲۶، ۱۰:۰۰ Wheels <hi@wheels.example> نوشت:\n\n{OLD}",
    "a language of no table": f"{ASKED}\n\nNgày 8/6/2026, 10:00, Wheels <hi@wheels.example> akaandika:\n\n{OLD}",
    "Zoho": f"{ASKED}\n\n---- On Mon, 08 Jun 2026 10:00:00 +0200 Wheels <hi@wheels.example> wrote ----\n\n{OLD}",
    "Zoho, three dashes": f"{ASKED}\n\n---- En lun, 08 jun 2026 10:00:00 +0200 Wheels <hi@wheels.example> escribió ---\n\n{OLD}",
    "mail.ru": f"{ASKED}\n\nПонедельник, 8 июня 2026, 10:00 +03:00 от Wheels <hi@wheels.example>:\n\n{OLD}",
    "Yandex": f'{ASKED}\n\n08.06.2026, 10:00, "Wheels" <hi@wheels.example>:\n\n{OLD}',
    "Thunderbird without marks": f"{ASKED}\n\nAm 08.06.26 um 10:00 schrieb Wheels:\n\n{OLD}",
    "wrapped in three lines": f"{ASKED}\n\nEl lun, 8 jun 2026 a las 10:00, Wheels and Sons of Ripon\n(<hi@wheels.example>)\nescribió:\n\n> {OLD}",
    "right below, no blank line": f"{ASKED}\nOn Mon, 8 Jun 2026 at 10:00, Wheels <hi@wheels.example> wrote:\n> {OLD}",
    "a phone": f"{ASKED}\n\nOn 8 Jun 2026, at 10:00, Wheels <hi@wheels.example> wrote:\n\n﻿{OLD}",
    "Samsung": f"{ASKED}\n\n-------- Ursprüngliche Nachricht --------\nVon: Wheels <hi@wheels.example>\nDatum: 08.06.26 10:00 (GMT+01:00)\nAn: Maya\nBetreff: Rad\n\n{OLD}",
    "QQ": f'{ASKED}\n\n------------------ 原始邮件 ------------------\n发件人: "Wheels" <hi@wheels.example>;\n发送时间: 2026年6月8日 10:00\n收件人: Maya\n主题: x\n\n{OLD}',
    "a desk's line": f"{ASKED}\n\n##- Bitte antworten Sie oberhalb dieser Zeile -##\n\n{OLD}",
}


@pytest.mark.parametrize("text", HISTORY.values(), ids=HISTORY.keys())
def test_no_history_stays(text: str) -> None:
    words = customer_words(text)
    assert ASKED in words
    assert "cancelled" not in words
    assert "Wheels" not in words


HIDDEN = {
    "display:none !important": "<div style='display:none !important'>CLOSE</div>",
    "display : none": "<div style='DISPLAY : None'>CLOSE</div>",
    "by a rule": "<style>#pre, span.pre{display:none;font-size:1px}</style><div id='pre'>CLOSE</div>",
    "size 0": "<span style='font-size:0'>CLOSE</span>",
    "size of a pixel": "<span style='font-size: 1px; line-height:1px'>CLOSE</span>",
    "no height": "<div style='max-height:0px;overflow:hidden'>CLOSE</div>",
    "no width": "<div style='width:0;overflow:hidden'>CLOSE</div>",
    "white on white": "<div style='color:#ffffff'>CLOSE</div>",
    "nearly white on white": "<font color='#fefefe'>CLOSE</font>",
    "black on black": "<table bgcolor='black'><tr><td style='color:rgb(0, 0, 0)'>CLOSE</td></tr></table>",
    "transparent": "<p style='color:transparent'>CLOSE</p>",
    "opacity 0": "<p style='opacity:0.0'>CLOSE</p>",
    "mso-hide": "<p style='mso-hide:all'>CLOSE</p>",
    "invisible": "<p style='visibility:hidden'>CLOSE</p>",
    "attribute": "<p hidden>CLOSE</p>",
    "moved away": "<p style='position:absolute;left:-9999px'>CLOSE</p>",
    "inside": "<div style='display:none'><p style='display:block'>CLOSE</p></div>",
}


@pytest.mark.parametrize("html", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_the_senders_mail_hides_is_not_said(html: str) -> None:
    words = customer_words("", f"<html><body>{html}<p>{ASKED}</p></body></html>")
    assert words == ASKED


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("can\u00adcel", "cancel"),
        ("re\u200bfund", "refund"),
        ("re\u2060fund\ufeff", "refund"),
        ("re\u200cfund", "refund"),
        ("order \u2066123\u2069", "order 123"),
        ("\u202bשלום\u202c", "שלום"),
        ("a\u061cb\u200eb", "abb"),
        ("می\u200cروم", "می\u200cروم"),
        ("نمی\u200cدانم", "نمی\u200cدانم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("👩\u200d💻 broke it", "👩\u200d💻 broke it"),
        ("🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"),
        ("one\u2028two", "one\ntwo"),
        ("pay\U000e0041\U000e0042", "pay"),
        (
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
    ],
)
def test_only_letters_that_are_seen_stay(text: str, want: str) -> None:
    assert clean(text) == want
