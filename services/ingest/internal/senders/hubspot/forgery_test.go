package hubspot

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// continued gives what a hash of secret + text covers beyond the text, and the hash of it with more behind, made of the hash
// and the secret's length alone: SHA-256 goes on from where it was.
func continued(t *testing.T, sum []byte, length int, more string) (padding, longer []byte) {
	t.Helper()
	padding = append([]byte{0x80}, make([]byte, (119-length%64)%64)...)
	padding = binary.BigEndian.AppendUint64(padding, uint64(length)*8)
	state := append([]byte("sha\x03"), sum...)
	state = append(state, make([]byte, 64)...)
	state = binary.BigEndian.AppendUint64(state, uint64(length+len(padding)))
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	h.Write([]byte(more))
	return padding, h.Sum(nil)
}

// A recorded v1 or v2 can be continued by whoever has it. Nothing that was added so may become an event.
func TestContinuedHash(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		v := vendorTest()
		s := v.New(t, secret)
		r := v.Request(v.Body, secret, sendertest.Now())
		r.Header = http.Header{}
		signPlain(version)(r, secret)
		sum, err := hex.DecodeString(r.Header.Get("X-HubSpot-Signature"))
		if err != nil {
			t.Fatal(err)
		}
		length := len(secret) + len(r.Body)
		if version == "v2" {
			length += len(r.Method) + len(r.URL)
		}
		forged := "\n" + `{"eventId":99,"portalId":77,"occurredAt":1795161600000,"subscriptionType":"deal.propertyChange","objectId":1,"propertyName":"dealstage","propertyValue":"closedwon"}` + "\n"
		padding, longer := continued(t, sum, length, forged)
		r.Body = append(append(bytes.Clone(v.Body), padding...), forged...)
		r.Header.Set("X-HubSpot-Signature", hex.EncodeToString(longer))
		if _, err := s.Verify(r); err != nil {
			t.Fatalf("%s: the attack itself does not work any more: %v", version, err)
		}
		for _, contentType := range []string{"application/x-ndjson", "application/json", ""} {
			d := &sender.Delivery{ContentType: contentType, Body: r.Body, Received: fact.At(sendertest.Now())}
			for _, f := range sendertest.Check(t, s, d) {
				t.Errorf("%s as %q: %s", version, contentType, sendertest.Tell(f))
			}
		}
	}
}

// A workflow's body of chosen properties does not say whose it is: it is kept, visibly, and not ignored.
func TestWorkflowOfNoAccount(t *testing.T) {
	v := vendorTest()
	v.Config.Accounts = []string{"77"}
	s := v.New(t, secret)
	for body, want := range map[string]string{
		`{"email":"ana@initech.example"}`: "refused", `{"email":"ana@initech.example","portalId":77}`: "a fact", `{"email":"ana@initech.example","portalId":78}`: "ignored",
	} {
		got := ""
		err := s.Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
			switch {
			case item.Errors != nil:
				got += "refused"
			case item.Ignored != "":
				got += "ignored"
			default:
				got += "a fact"
			}
			return nil
		})
		if err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", body, got, want, err)
		}
	}
}

// Events that HubSpot gives no id are kept one by one, not as repeats of the first.
func TestRefusedWithoutAnID(t *testing.T) {
	s := vendorTest()
	event := func(value string) string {
		return `{"portalId":77,"occurredAt":1795161600000,"subscriptionType":"deal.propertyChange","objectId":1,"propertyName":"dealstage","propertyValue":"` + value + `"}`
	}
	body := "[" + event("closedlost") + "," + event("closedwon") + "]"
	var ids []string
	err := s.New(t, secret).Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		if item.Errors == nil {
			t.Errorf("%s is taken", item.Raw)
		}
		ids = append(ids, item.ID)
		return nil
	})
	if err != nil || len(ids) != 2 || ids[0] == ids[1] && ids[0] != "" {
		t.Errorf("refused as %q (%v)", ids, err)
	}
}
