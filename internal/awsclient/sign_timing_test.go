package awsclient

import (
	"testing"
	"time"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

// signTypical returns a function that signs a call of a typical size.
func signTypical(tb testing.TB) func() {
	c := Credentials{keys: new(sigv4.KeyCache), Key: sigv4.Key{
		AccessKey: "ASIAEXAMPLEEXAMPLE12", SecretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: string(make([]byte, 400)),
	}}
	body := make([]byte, 1024)
	at := time.Now()
	var req wire.Request
	return func() {
		req.Reset()
		req.Method, req.Target, req.Host = "POST", "/?Action=PutItem", "dynamodb.us-east-1.amazonaws.com"
		req.Header.Add("Accept", "application/json")
		req.Header.Add("Content-Type", "application/json")
		req.Header.Add("User-Agent", "AmazonAPIGateway_abc")
		req.Header.Add("X-Amzn-Apigateway-Api-Id", "abc")
		req.Header.Add("X-Amz-Target", "DynamoDB_20120810.PutItem")
		req.Body = wire.Body{Bytes: body, Length: 1024}
		if err := Sign(&req, c, sigv4.Target{Region: "us-east-1", Service: "dynamodb"}, at); err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	sign := signTypical(b)
	b.ReportAllocs()
	for b.Loop() {
		sign()
	}
}

func TestSignAllocs(t *testing.T) {
	if n := testing.AllocsPerRun(100, signTypical(t)); n > 45 {
		t.Errorf("signing allocates %v times, budget 45", n)
	}
}
