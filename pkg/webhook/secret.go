package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

const (
	prefixShared  = "whsec_"
	prefixPrivate = "whsk_"
	prefixPublic  = "whpk_"

	schemeShared     = "v1,"
	schemeAsymmetric = "v1a,"
)

// key is one parsed secret: shared, or one or both halves of an ed25519 pair.
type key struct {
	shared  *sharedKey
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// sharedKey is an HMAC key with states ready for use: keying one afresh costs as much as signing a small body.
type sharedKey struct {
	states sync.Pool
}

type macState struct {
	mac  hash.Hash
	head []byte
	sum  []byte
}

func newSharedKey(secret []byte) *sharedKey {
	k := &sharedKey{}
	k.states.New = func() any { return &macState{mac: hmac.New(sha256.New, secret)} }
	return k
}

// macLen is the length of a v1 signature in base64.
const macLen = 44

// sign writes the base64 of the content's MAC to out.
func (k *sharedKey) sign(out *[macLen]byte, id, timestamp string, body []byte) {
	st := k.states.Get().(*macState)
	st.mac.Reset()
	st.head = append(st.head[:0], id...)
	st.head = append(st.head, '.')
	st.head = append(st.head, timestamp...)
	st.head = append(st.head, '.')
	st.mac.Write(st.head)
	st.mac.Write(body)
	st.sum = st.mac.Sum(st.sum[:0])
	base64.StdEncoding.Encode(out[:], st.sum)
	k.states.Put(st)
}

// content joins what is signed, for ed25519, which has to see it in one piece.
func content(id, timestamp string, body []byte) []byte {
	b := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	b = append(b, id...)
	b = append(b, '.')
	b = append(b, timestamp...)
	b = append(b, '.')
	return append(b, body...)
}

// CheckSecret reports whether a secret is well formed, for a configuration's checks. The error never shows the secret.
func CheckSecret(secret string) error {
	_, err := parseSecret(secret)
	return err
}

func parseSecret(secret string) (key, error) {
	if secret == "" {
		return key{}, errors.New("the secret is empty")
	}
	if strings.TrimSpace(secret) != secret {
		return key{}, errors.New("the secret has white space around it")
	}
	switch {
	case strings.HasPrefix(secret, prefixShared):
		b, err := decode(secret[len(prefixShared):])
		if err != nil {
			return key{}, fmt.Errorf("the secret behind %s is not base64", prefixShared)
		}
		if len(b) == 0 {
			return key{}, fmt.Errorf("there is no secret behind %s", prefixShared)
		}
		return key{shared: newSharedKey(b)}, nil
	case strings.HasPrefix(secret, prefixPrivate):
		b, err := decode(secret[len(prefixPrivate):])
		if err != nil {
			return key{}, fmt.Errorf("the key behind %s is not base64", prefixPrivate)
		}
		switch len(b) {
		case ed25519.SeedSize:
		case ed25519.PrivateKeySize:
			if string(ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])) != string(b) {
				return key{}, fmt.Errorf("the key behind %s does not hold its own public key", prefixPrivate)
			}
		default:
			return key{}, fmt.Errorf("the key behind %s has %d bytes, not %d or %d", prefixPrivate, len(b), ed25519.SeedSize, ed25519.PrivateKeySize)
		}
		private := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
		return key{private: private, public: private.Public().(ed25519.PublicKey)}, nil
	case strings.HasPrefix(secret, prefixPublic):
		b, err := decode(secret[len(prefixPublic):])
		if err != nil {
			return key{}, fmt.Errorf("the key behind %s is not base64", prefixPublic)
		}
		if len(b) != ed25519.PublicKeySize {
			return key{}, fmt.Errorf("the key behind %s has %d bytes, not %d", prefixPublic, len(b), ed25519.PublicKeySize)
		}
		return key{public: b}, nil
	default:
		return key{shared: newSharedKey([]byte(secret))}, nil
	}
}

// decode takes base64 with or without padding: senders' consoles show both.
func decode(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

func parseSecrets(secrets []string) ([]key, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no secret is given")
	}
	keys := make([]key, len(secrets))
	for i, s := range secrets {
		k, err := parseSecret(s)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		keys[i] = k
	}
	return keys, nil
}
