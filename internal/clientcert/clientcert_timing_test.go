package clientcert_test

import "testing"

func BenchmarkKnownCertificate(b *testing.B) {
	var t testing.T
	root := issue(&t, "root", nil, key256(&t), authority)
	s, shown := storeOf(&t, root), show(issue(&t, "c", root, key256(&t)))
	b.ReportAllocs()
	for b.Loop() {
		if err := shown.Check(s, now); err != nil {
			b.Fatal(err)
		}
	}
}
