package hubspot

import (
	"bytes"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func BenchmarkVerify(b *testing.B) {
	for name, url := range map[string]string{"plain": "", "escaped": "https://baton.example/webhooks/s?q=%3A%2F"} {
		b.Run(name, func(b *testing.B) {
			v := vendorTest()
			v.URL = url
			s := v.New(b, secret)
			r := v.Request(bytes.Clone(v.Body), secret, sendertest.Now())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
