"""Tags are written in one way, found, followed and exported; that one exists on something hidden shows nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client

from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from incidents.tagging import normalised
from postmortems import tasks
from postmortems.models import Postmortem, Tag
from postmortems.services.tag import add_tags
from tests.factories.postmortems import NOW, IncidentFactory, PostmortemFactory, published

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 6, 12, 15, 0, tzinfo=UTC)
SAMPLE = Path("incidents/samples/fastly-2021-06-08-errors.json")


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        ("DNS", "dns"),
        (" #Data  Base ", "data-base"),
        ("ＤＮＳ", "dns"),
        ("c++", "c++"),
        ("tls/1.3", "tls/1.3"),
        ("Überlast", "überlast"),
        ("障害", "障害"),
        ("__a--b__", "a-b"),
        ("a" * 40, "a" * 40),
        ("a" * 41, ""),
        ("<b>", ""),
        ("a\x00b", ""),
        ("a\u202eb", ""),
        ("#", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_a_tag_is_written_in_one_way(words: str, tag: str) -> None:
    assert normalised(words) == tag
    assert normalised(tag) == tag


def tag(client: Client, postmortem: Postmortem, words: str) -> Any:
    return client.post(f"/postmortems/{postmortem.pk}/tags/add/", {"name": words})


def names(postmortem: Postmortem) -> list[str]:
    return [each.name for each in postmortem.tags.all()]


def test_tags_are_put_on_and_taken_off(as_user: As, bob: User, postmortem: Postmortem) -> None:
    client = as_user(bob)
    tag(client, postmortem, "DNS, #Data Base,dns")
    assert names(postmortem) == ["data-base", "dns"]
    assert '?tag=dns">dns</a>' in client.get(f"/postmortems/{postmortem.pk}/read/").content.decode()
    client.post(f"/postmortems/{postmortem.pk}/tags/remove/", {"name": "dns"})
    client.post(f"/postmortems/{postmortem.pk}/tags/remove/", {"name": "dns"})
    assert names(postmortem) == ["data-base"]
    verbs = AuditEntry.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["postmortem.tagged", "postmortem.untagged"]


def test_what_is_no_tag_is_refused_in_words_and_kept_to_be_mended(
    as_user: As, bob: User, postmortem: Postmortem
) -> None:
    answer = tag(as_user(bob), postmortem, "dns, <script>")
    assert answer.status_code == 422
    assert "“&lt;script&gt;” is no tag" in answer.content.decode()
    assert 'value="dns, &lt;script&gt;"' in answer.content.decode()
    assert names(postmortem) == []


def test_there_are_at_most_twelve(as_user: As, bob: User, postmortem: Postmortem) -> None:
    client = as_user(bob)
    tag(client, postmortem, ",".join(f"t{n}" for n in range(12)))
    answer = tag(client, postmortem, "one-more")
    assert (answer.status_code, postmortem.tags.count()) == (422, 12)


def test_a_published_one_is_still_tagged(as_user: As, alice: User, team: Any) -> None:
    row = published(incident=IncidentFactory.create(team=team, created_by=alice))
    assert tag(as_user(alice), row, "dns").status_code == 302
    assert names(row) == ["dns"]


def test_who_only_reads_does_not_tag(as_user: As, mallory: User, postmortem: Postmortem) -> None:
    assert tag(as_user(mallory), postmortem, "dns").status_code == 403
    assert "Add tags" not in as_user(mallory).get(f"/postmortems/{postmortem.pk}/tags/?edit").content.decode()


@pytest.fixture
def two(postmortem: Postmortem, alice: User, team: Any) -> tuple[Postmortem, Postmortem]:
    """One about dns that everybody sees, one about dns and a secret that few see."""
    hidden = PostmortemFactory.create(
        incident=IncidentFactory.create(team=team, created_by=alice, title="Hidden outage"), visibility="restricted"
    )
    for row, words in ((postmortem, {"dns"}), (hidden, {"dns", "merger"})):
        add_tags(postmortem=row, names=words, by=alice, now=NOW)
    return postmortem, hidden


@pytest.mark.parametrize("address", ["/postmortems/?tag=%23DNS", "/search/?tag=dns", "/search/?q=dns"])
def test_a_tag_finds_what_one_may_see(
    address: str, as_user: As, mallory: User, two: tuple[Postmortem, Postmortem]
) -> None:
    page = as_user(mallory).get(address).content.decode()
    assert ("Checkout failed" in page, "Hidden outage" in page, "merger" in page) == (True, False, False)


@pytest.mark.parametrize("words", ["merger", "<>", "nothing-has-it"])
@pytest.mark.parametrize("address", ["/postmortems/?tag=", "/search/?tag="])
def test_a_tag_of_something_hidden_finds_nothing(
    address: str, words: str, as_user: As, mallory: User, two: tuple[Postmortem, Postmortem]
) -> None:
    assert "Checkout failed" not in as_user(mallory).get(f"{address}{words}").content.decode()


def test_tags_of_what_is_hidden_are_not_proposed(
    as_user: As, alice: User, bob: User, two: tuple[Postmortem, Postmortem]
) -> None:
    def proposed(person: User, address: str) -> list[str]:
        return re.findall(r'<option value="([a-z-]+)"></option>', as_user(person).get(address).content.decode())

    other = PostmortemFactory.create(incident=IncidentFactory.create(team=two[0].team, created_by=alice))
    for address in ("/postmortems/", f"/postmortems/{other.pk}/tags/?edit"):
        assert (proposed(bob, address), proposed(alice, address)) == (["dns"], ["dns", "merger"])


def test_a_list_of_tagged_rows_asks_no_more_of_the_database(
    as_user: As, alice: User, team: Any, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = as_user(alice)
    counts = []
    for count in (1, 2):
        for _ in range(count):
            row = PostmortemFactory.create(incident=IncidentFactory.create(team=team, created_by=alice))
            add_tags(postmortem=row, names={"dns", f"t{row.pk}"}, by=alice, now=NOW)
        for address in ("/postmortems/?tag=dns", "/search/?q=dns"):
            with CaptureQueriesContext(
                connection,
            ) as asked:
                client.get(address)
            counts.append(len(asked))
    assert counts[:2] == counts[2:]


def test_who_follows_a_tag_hears_of_it_even_when_nothing_had_it_yet(
    as_user: As, bob: User, mallory: User, postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert as_user(bob).post("/settings/following/", {"tags": "#DNS, capacity"}).status_code == 302
    as_user(mallory).post("/settings/following/", {"tags": "capacity"})
    assert 'value="capacity, dns"' in as_user(bob).get("/settings/following/").content.decode()
    tag(as_user(bob), postmortem, "dns")
    Postmortem.objects.update(state="published", published_at=FRIDAY)
    monkeypatch.setattr("postmortems.tasks.timezone.now", lambda: FRIDAY + timedelta(minutes=2))
    monkeypatch.setattr(tasks.tell_tidings, "delay", tasks.tell_tidings)
    tasks.tell_followers()
    assert [letter.to for letter in mail.outbox] == [[bob.email]]


@pytest.mark.parametrize("ending", ["md", "html", "confluence.xml"])
def test_tags_are_exported(ending: str, as_user: As, alice: User, two: tuple[Postmortem, Postmortem]) -> None:
    text = as_user(alice).get(f"/postmortems/{two[1].pk}/export.{ending}").content.decode()
    assert "Tags" in text
    assert "dns, merger" in text


# -- Incident files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def read(tmp_path: Path, administrator: User, team: Any) -> Callable[[list[str]], Postmortem]:
    """Import the sample with these tags; its post-mortem."""

    def read(tags: list[str]) -> Postmortem:
        file = tmp_path / "incident.json"
        file.write_text(json.dumps({**json.loads(SAMPLE.read_text()), "tags": tags}))
        call_command("import_incidents", str(file), team=team.slug, by=administrator.email, verbosity=0)
        return Postmortem.objects.get()

    return read


def test_tags_follow_the_file_and_what_people_did_stays(
    read: Callable[[list[str]], Postmortem], as_user: As, administrator: User
) -> None:
    row = read(["DNS", "capacity", "Old One"])
    assert names(row) == ["capacity", "dns", "old-one"]
    client = as_user(administrator)
    tag(client, row, "ours")
    client.post(f"/postmortems/{row.pk}/tags/remove/", {"name": "dns"})
    assert names(read(["dns", "capacity", "new"])) == ["capacity", "new", "ours"]


def test_a_file_without_tags_has_none_and_a_wrong_one_is_a_fault(
    read: Callable[[list[str]], Postmortem], capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(read([])) == []
    from django.core.management import CommandError

    with pytest.raises(CommandError) as refused:
        read(["<>"])
    assert "a tag has letters and digits" in f"{refused.value}{''.join(capsys.readouterr())}"
    assert not Tag.objects.exists()


def test_a_restricted_one_names_no_tag_in_the_audit_log(as_user: As, alice: User, postmortem: Postmortem) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    tag(as_user(alice), postmortem, "merger")
    assert "merger" not in str(list(AuditEntry.objects.values()))
