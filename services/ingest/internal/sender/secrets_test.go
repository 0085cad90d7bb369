package sender

import "testing"

func TestNeedSecrets(t *testing.T) {
	for _, c := range []Config{{}, {Secrets: []string{"a", " "}}, {Secrets: []string{"a"}, WriteKey: "wk"}, {Secrets: []string{"a"}, Map: map[string]string{"x": "y"}}} {
		if c.NeedSecrets("a key") == nil {
			t.Errorf("%v is taken", c)
		}
	}
	good := Config{Secrets: []string{"a"}, Map: map[string]string{"x": "demo_requested"}}
	if err := good.NeedSecrets("a key"); err != nil {
		t.Error(err)
	}
}
