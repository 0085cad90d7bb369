package redisstore

import (
	"fmt"
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
)

// payload of a partition: keys blobs of 1 KB, each with an index entry.
func payload(partition, keys int) *leadstore.Mutation {
	m := &leadstore.Mutation{}
	for i := range keys {
		key := fmt.Sprintf("lead:ld_e%03d-%03d", partition, i)
		m.Set(key, make([]byte, 1024))
		m.IndexAdd("score", key, float64(i))
	}
	return m
}

// commits writes the same change of some partitions over and over.
func commits(b *testing.B, partitions, keys int) {
	eachEngine(b, func(b *testing.B, s *Store) {
		writes := make([]leadstore.PartitionWrite, partitions)
		for p := range writes {
			writes[p] = leadstore.PartitionWrite{Partition: p, Mutation: payload(p, keys)}
		}
		for b.Loop() {
			for i := range writes {
				writes[i].Expect, writes[i].Next = writes[i].Next, writes[i].Next+"1"
				if len(writes[i].Next) > 20 {
					writes[i].Next = "2"
				}
			}
			if err := s.Write(b.Context(), "scoring", writes); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(partitions*keys*b.N)/b.Elapsed().Seconds(), "keys/s")
	})
}

func BenchmarkWrite64x30(b *testing.B) { commits(b, 64, 30) }

func BenchmarkWrite1(b *testing.B) { commits(b, 1, 1) }

func BenchmarkRead(b *testing.B) {
	for _, size := range []struct{ partitions, keys int }{{64, 30}, {1, 1}} {
		b.Run(fmt.Sprintf("%dx%d", size.partitions, size.keys), func(b *testing.B) {
			eachEngine(b, func(b *testing.B, s *Store) {
				reads := make([]leadstore.PartitionRead, size.partitions)
				for p := range reads {
					m := payload(p, size.keys)
					for key := range m.Sets {
						reads[p].Keys = append(reads[p].Keys, key)
					}
					reads[p].Partition = p
					if err := s.Write(b.Context(), "scoring", one(p, "", "1", m)); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					if _, err := s.Read(b.Context(), "scoring", reads); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(size.partitions*size.keys*b.N)/b.Elapsed().Seconds(), "keys/s")
			})
		})
	}
}

func benchOn(b *testing.B, name, url string, run func(*testing.B, *Store)) {
	b.Run(name, func(b *testing.B) {
		s := open(b, url)
		if err := s.client.FlushAll(b.Context()).Err(); err != nil {
			b.Fatal(err)
		}
		run(b, s)
	})
}
