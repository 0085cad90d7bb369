package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"
)

// The vector that every Standard Webhooks library checks itself against.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	vectorPrivate   = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	vectorEd25519   = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

func vectorPublic(t testing.TB) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(vectorPrivate, prefixPrivate))
	if err != nil {
		t.Fatal(err)
	}
	return prefixPublic + base64.StdEncoding.EncodeToString(raw[ed25519.SeedSize:])
}

func mustSigner(t testing.TB, secrets ...string) *Signer {
	t.Helper()
	s, err := NewSigner(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustVerifier(t testing.TB, secrets ...string) *Verifier {
	t.Helper()
	v, err := NewVerifier(secrets, Tolerance)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func headers(id, timestamp string, signatures ...string) http.Header {
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	for _, s := range signatures {
		h.Add(HeaderSignature, s)
	}
	return h
}

func TestVectors(t *testing.T) {
	at := time.Unix(vectorTime, 0)
	for _, tc := range []struct{ name, secret, want string }{
		{"v1", vectorSecret, vectorSignature},
		{"v1 without padding", "whsec_" + strings.TrimRight("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "="), vectorSignature},
		{"v1a", vectorPrivate, vectorEd25519},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := mustSigner(t, tc.secret).Sign(vectorID, at, []byte(vectorBody)); got != tc.want {
				t.Errorf("signature %s, want %s", got, tc.want)
			}
			h := headers(vectorID, strconv.Itoa(vectorTime), tc.want)
			if err := mustVerifier(t, tc.secret).Verify(h, []byte(vectorBody), at); err != nil {
				t.Errorf("own signature: %v", err)
			}
		})
	}
	h := headers(vectorID, strconv.Itoa(vectorTime), vectorEd25519)
	if err := mustVerifier(t, vectorPublic(t)).Verify(h, []byte(vectorBody), at); err != nil {
		t.Errorf("with the public key alone: %v", err)
	}
}

// A seed alone is the same key as seed and public key.
func TestPrivateKeyForms(t *testing.T) {
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(vectorPrivate, prefixPrivate))
	seed := prefixPrivate + base64.StdEncoding.EncodeToString(raw[:ed25519.SeedSize])
	if got := mustSigner(t, seed).Sign(vectorID, time.Unix(vectorTime, 0), []byte(vectorBody)); got != vectorEd25519 {
		t.Errorf("signature %s, want %s", got, vectorEd25519)
	}
}

func TestRawSecretIsItsBytes(t *testing.T) {
	body, now := []byte(`{}`), time.Now()
	h := http.Header{}
	mustSigner(t, "correct horse").SetHeaders(h, "m1", now, body)
	if err := mustVerifier(t, "whsec_"+base64.StdEncoding.EncodeToString([]byte("correct horse"))).Verify(h, body, now); err != nil {
		t.Errorf("the same bytes in base64: %v", err)
	}
	// Looks like base64, but has no prefix: it is not decoded.
	mustSigner(t, "c2VjcmV0c2VjcmV0").SetHeaders(h, "m1", now, body)
	if err := mustVerifier(t, "whsec_c2VjcmV0c2VjcmV0").Verify(h, body, now); !errors.Is(err, ErrMismatch) {
		t.Errorf("decoded without being asked: %v", err)
	}
}

func TestRotation(t *testing.T) {
	const old, current, other = "whsec_b2xkb2xkb2xkb2xkb2xk", "whsec_bmV3bmV3bmV3bmV3bmV3", "whsec_b3RoZXJvdGhlcm90aGVy"
	body, now := []byte(`{"a":1}`), time.Now()
	both := mustSigner(t, current, old)
	signature := both.Sign("m1", now, body)
	if want := mustSigner(t, current).Sign("m1", now, body) + " " + mustSigner(t, old).Sign("m1", now, body); signature != want {
		t.Errorf("signature %q, want the newest first: %q", signature, want)
	}
	h := http.Header{}
	both.SetHeaders(h, "m1", now, body)
	for _, tc := range []struct {
		secrets []string
		want    error
	}{
		{[]string{old}, nil}, {[]string{current}, nil}, {[]string{other, old}, nil}, {[]string{vectorPublic(t), current}, nil},
		{[]string{other}, ErrMismatch}, {[]string{vectorPublic(t)}, ErrMismatch},
	} {
		if err := mustVerifier(t, tc.secrets...).Verify(h, body, now); !errors.Is(err, tc.want) {
			t.Errorf("%v: %v, want %v", tc.secrets, err, tc.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	body, now := []byte(`{"a":1}`), time.Unix(1_800_000_000, 0)
	stamp := strconv.FormatInt(now.Unix(), 10)
	good := mustSigner(t, vectorSecret).Sign("m1", now, body)
	signed := func(id string, at time.Time, body string) string {
		return mustSigner(t, vectorSecret).Sign(id, at, []byte(body))
	}
	at := func(d time.Duration) (string, string) {
		return strconv.FormatInt(now.Add(d).Unix(), 10), signed("m1", now.Add(d), string(body))
	}
	early, earlySig := at(-Tolerance)
	late, lateSig := at(Tolerance)
	tooEarly, tooEarlySig := at(-Tolerance - time.Second)
	tooLate, tooLateSig := at(Tolerance + time.Second)
	twice := headers("m1", stamp, good)
	twice.Add(HeaderID, "m2")
	twoTimes := headers("m1", stamp, good)
	twoTimes.Add(HeaderTimestamp, "1")

	for _, tc := range []struct {
		name string
		h    http.Header
		want error
	}{
		{"good", headers("m1", stamp, good), nil},
		{"good among others", headers("m1", stamp, "v2,xxx v1,bm8= v1 "+good), nil},
		{"good on a second line", headers("m1", stamp, "v1,bm8=", good), nil},
		{"good after many blanks", headers("m1", stamp, strings.Repeat(" ", 500)+good), nil},
		{"oldest still fresh", headers("m1", early, earlySig), nil},
		{"newest still fresh", headers("m1", late, lateSig), nil},
		{"no headers", http.Header{}, ErrMissing},
		{"no id", headers("", stamp, good), ErrMissing},
		{"no timestamp", headers("m1", "", good), ErrMissing},
		{"no signature", headers("m1", stamp, ""), ErrMissing},
		{"signature header absent", headers("m1", stamp), ErrMissing},
		{"two ids", twice, ErrMalformed},
		{"two timestamps", twoTimes, ErrMalformed},
		{"too old", headers("m1", tooEarly, tooEarlySig), ErrStale},
		{"too new", headers("m1", tooLate, tooLateSig), ErrStale},
		{"milliseconds", headers("m1", stamp+"000", good), ErrMalformed},
		{"fraction", headers("m1", stamp+".5", good), ErrMalformed},
		{"signed number", headers("m1", "+"+stamp, good), ErrMalformed},
		{"negative", headers("m1", "-5", good), ErrMalformed},
		{"overflow", headers("m1", strings.Repeat("9", 40), good), ErrMalformed},
		{"another id", headers("m2", stamp, good), ErrMismatch},
		{"another body", headers("m1", stamp, signed("m1", now, `{"a":2}`)), ErrMismatch},
		{"another time", headers("m1", stamp, signed("m1", now.Add(time.Second), string(body))), ErrMismatch},
		{"scheme only", headers("m1", stamp, "v1,"), ErrMismatch},
		{"scheme missing", headers("m1", stamp, strings.TrimPrefix(good, "v1,")), ErrMismatch},
		{"cut short", headers("m1", stamp, good[:len(good)-1]), ErrMismatch},
		{"longer", headers("m1", stamp, good+"="), ErrMismatch},
		{"v1 as v1a", headers("m1", stamp, "v1a,"+strings.TrimPrefix(good, "v1,")), ErrMismatch},
		{"beyond the list's bound", headers("m1", stamp, strings.Repeat("v1,bm8= ", maxSignatures)+good), ErrMismatch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := mustVerifier(t, vectorSecret).Verify(tc.h, body, now)
			if !errors.Is(err, tc.want) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), strings.TrimPrefix(good, "v1,")) {
				t.Errorf("the error shows a signature: %v", err)
			}
		})
	}
}

func TestSecretsAreChecked(t *testing.T) {
	long := base64.StdEncoding.EncodeToString(make([]byte, 33))
	mixed := base64.StdEncoding.EncodeToString(append(make([]byte, 32), []byte(strings.Repeat("x", 32))...))
	for _, tc := range []struct {
		secrets         []string
		verifier, signs bool
	}{
		{[]string{"whsec_c2VjcmV0"}, true, true},
		{[]string{"plain"}, true, true},
		{[]string{vectorPrivate}, true, true},
		{[]string{vectorPublic(t)}, true, false},
		{nil, false, false},
		{[]string{""}, false, false},
		{[]string{"plain", ""}, false, false},
		{[]string{" plain"}, false, false},
		{[]string{"plain\n"}, false, false},
		{[]string{"whsec_"}, false, false},
		{[]string{"whsec_?hush-hush?"}, false, false},
		{[]string{"whsk_" + long}, false, false},
		{[]string{"whsk_" + mixed}, false, false},
		{[]string{"whsk_%"}, false, false},
		{[]string{"whpk_" + long}, false, false},
		{[]string{"whpk_%"}, false, false},
	} {
		if _, err := NewVerifier(tc.secrets, Tolerance); (err == nil) != tc.verifier {
			t.Errorf("verifier of %q: %v", tc.secrets, err)
		}
		_, err := NewSigner(tc.secrets)
		if (err == nil) != tc.signs {
			t.Errorf("signer of %q: %v", tc.secrets, err)
		}
		if err != nil && len(tc.secrets) == 1 && len(tc.secrets[0]) > 10 && strings.Contains(err.Error(), tc.secrets[0][6:]) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	if _, err := NewVerifier([]string{"s"}, 0); err == nil {
		t.Error("a tolerance of zero is accepted")
	}
	if err := CheckSecret("whsec_%"); err == nil {
		t.Error("CheckSecret accepts what is not base64")
	}
}

// Both ways against the reference library, over any id and body.
func TestAgainstReferenceLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 70).Draw(t, "secret")
		id := rapid.StringMatching(`[!-~]{1,80}`).Draw(t, "id")
		body := rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "body")
		text := "whsec_" + base64.StdEncoding.EncodeToString(secret)
		now := time.Now()

		theirs, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := NewSigner([]string{"whsec_b3RoZXI=", text})
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		ours.SetHeaders(h, id, now, body)
		if err := theirs.Verify(body, h); err != nil {
			t.Fatalf("they refuse ours: %v", err)
		}

		signature, err := theirs.Sign(id, now, body)
		if err != nil {
			t.Fatal(err)
		}
		v, err := NewVerifier([]string{text}, Tolerance)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(headers(id, strconv.FormatInt(now.Unix(), 10), signature), body, now); err != nil {
			t.Fatalf("we refuse theirs: %v", err)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	s, v, now := mustSigner(t, vectorSecret, vectorPrivate), mustVerifier(t, vectorPublic(t), vectorSecret), time.Now()
	done := make(chan error)
	for g := range 8 {
		go func() {
			for i := range 200 {
				body := fmt.Appendf(nil, "%d-%d", g, i)
				h := http.Header{}
				s.SetHeaders(h, fmt.Sprint(g), now, body)
				if err := v.Verify(h, body, now); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1614265330", vectorSignature, []byte(vectorBody))
	f.Add(vectorID, strconv.Itoa(vectorTime), vectorSignature, []byte(vectorBody))
	f.Add(vectorID, strconv.Itoa(vectorTime), vectorEd25519+" "+vectorSignature, []byte(vectorBody))
	f.Add("", "-1", "v1, v1a, ,", []byte{})
	f.Add("a.b", "99999999999999999999", "v1,"+strings.Repeat("A", 44), []byte("x"))
	v := mustVerifier(f, vectorSecret, vectorPublic(f))
	now := time.Unix(vectorTime, 0)
	want := mustSigner(f, vectorSecret)
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		err := v.Verify(headers(id, timestamp, signature), body, now)
		if err == nil {
			seconds, _ := strconv.ParseInt(timestamp, 10, 64)
			if !strings.Contains(signature, want.sign(id, timestamp, body)) && !strings.Contains(signature, schemeAsymmetric) {
				t.Fatalf("accepted what was not signed: %q %d %q", id, seconds, signature)
			}
			return
		}
		for _, known := range []error{ErrMissing, ErrMalformed, ErrStale, ErrMismatch} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("an error of no known kind: %v", err)
	})
}

func BenchmarkVerify500(b *testing.B) {
	body, now := make([]byte, 500), time.Now()
	h := http.Header{}
	mustSigner(b, vectorSecret).SetHeaders(h, "msg_1", now, body)
	v := mustVerifier(b, vectorSecret)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify(h, body, now); err != nil {
			b.Fatal(err)
		}
	}
}
