package function_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// What the Runtime API says to a runtime that does not keep to it.
//
// AWS: as the public emulator answers (aws-lambda-runtime-interface-emulator).
func TestRuntimeAPIAnswers(t *testing.T) {
	h := newHost(t, function.Options{})
	var log logBook
	def := latest(function.Version{Code: testCode(t)})
	def.Log = log.add
	mustSet(t, h, def)
	const notOurs = `400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}` + "\n"
	if r := invoke(t, h, deed{Do: "wrong id"}); string(r.Payload) != quote(notOurs) {
		t.Errorf("wrong id: %s", r.Payload)
	}
	if r := invoke(t, h, deed{Do: "next again"}); string(r.Payload) != "403" {
		t.Errorf("next before the answer: %s", r.Payload)
	}
	if r := invoke(t, h, deed{Do: "twice"}); string(r.Payload) != "1" {
		t.Errorf("twice: %s", r.Payload)
	}
	invoke(t, h, deed{Do: "echo"})
	if want := quote(`202 {"status":"OK"}` + "\n" + notOurs); !strings.Contains(log.text(), want) {
		t.Errorf("want %s in the log:\n%s", want, log.text())
	}
}

// Who finds the port of an instance cannot break it with what is no request of
// the Runtime API.
func TestRuntimeAPIStrangers(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	addr := strings.Trim(string(invoke(t, h, deed{Do: "env", Text: "AWS_LAMBDA_RUNTIME_API"}).Payload), `"`)
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"DELETE /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /2018-06-01/runtime/invocation//response HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"nonsense\r\n\r\n",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprint(c, request)
		b := make([]byte, 12)
		if _, err := io.ReadFull(c, b); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 4") {
			t.Errorf("%q: %q, %v", request, b, err)
		}
		_ = c.Close()
	}
	if r := invoke(t, h, deed{Do: "echo"}); r.Error != "" {
		t.Errorf("got %s", r.Payload)
	}
}
