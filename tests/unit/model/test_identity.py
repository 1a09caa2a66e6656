"""Identities: a certificate's names as RFC 4514 and SPIFFE write them."""

from mcpmesh.model.identity import PeerIdentity, identity_of

ADA = {
    "subject": ((("organizationName", "E, Inc"),), (("commonName", " Ädä#"),)),
    "subjectAltName": (("DNS", "ada.example"), ("URI", "spiffe://mesh/ada")),
}


def test_subject_begins_with_the_most_specific_name_and_is_ascii():
    assert identity_of(ADA).subject == r"CN=\ \C3\84d\C3\A4#,O=E\, Inc"


def test_spiffe_id_goes_before_the_subject():
    identity = identity_of(ADA)
    assert identity.spiffe == identity.name == "spiffe://mesh/ada"
    assert identity.common_name == " Ädä#"


def test_two_uris_are_no_spiffe_id():
    two = PeerIdentity("CN=x", names=(("URI", "spiffe://a/b"), ("URI", "https://a")))
    assert two.spiffe == ""
    assert two.name == "CN=x"


def test_without_subject_the_first_other_name_stands():
    assert PeerIdentity(names=(("DNS", "a.example"),)).name == "a.example"
    assert PeerIdentity().name == ""
