package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	api "gatehouse/internal/awsapi/apigateway"
	v2api "gatehouse/internal/awsapi/apigatewayv2"
	lambdaapi "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	rest "gatehouse/internal/service/apigateway"
	v2 "gatehouse/internal/service/apigatewayv2"
	functions "gatehouse/internal/service/lambda"
	"gatehouse/test/gatehousetest"
)

// A caller makes one call with a client. The output is that of the client, as a
// document; the error has AWS's name for it.
type caller func(op string, in map[string]any) (out map[string]any, err error)

// errUnknown says that a client is too old to know an operation.
var errUnknown = errors.New("the client does not know the operation")

// TestEveryOperation makes every call of the tables with every client.
func TestEveryOperation(t *testing.T) {
	s := start(t, "--load-balancer", balancer+"=127.0.0.1:1", "--load-balancer", listener+"=127.0.0.1:1")
	t.Run("apigateway", func(t *testing.T) {
		every(t, s, "apigateway", awsrpc.Coverage(api.Service(), (*rest.Service)(nil)), newClient(t, s), calls)
	})
	t.Run("apigatewayv2", func(t *testing.T) {
		every(t, s, "apigatewayv2", awsrpc.Coverage(v2api.Service(), (*v2.Service)(nil)), newV2Client(t, s), v2Calls)
	})
	t.Run("lambda", func(t *testing.T) {
		every(t, s, "lambda", awsrpc.Coverage(lambdaapi.Service(), (*functions.Service)(nil)), newLambdaClient(t, s), lambdaCalls)
	})
}

// every makes the calls of one service's table, which must have all operations
// that are implemented.
func every(t *testing.T, s *gatehousetest.Server, service string, operations []awsrpc.OperationStatus, goClient any, calls []step) {
	implemented := map[string]bool{}
	for _, op := range operations {
		implemented[op.Operation] = op.Implemented
	}
	for _, c := range []struct {
		name string
		new  func(t *testing.T, s *gatehousetest.Server) caller
	}{
		{"go", goCaller(goClient)}, {"boto3", pythonCaller("boto3", service)}, {"aws", pythonCaller("aws", service)},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := c.new(t, s)
			kept := map[string]string{"today": time.Now().UTC().Format(time.DateOnly),
				"zip":   base64.StdEncoding.EncodeToString(zipOf(t, "main.py", "def handler(event, context): return event")),
				"event": base64.StdEncoding.EncodeToString([]byte(`{"a":1}`))}
			called := map[string]bool{}
			for _, st := range calls {
				if !implemented[st.op] {
					continue
				}
				called[st.op] = true
				out, err := call(st.op, st.input(t, kept))
				switch {
				case errors.Is(err, errUnknown):
					t.Logf("%s: %v", st.op, err)
				case err != nil && (st.refused == "" || st.refused != "any" && err.Error() != st.refused):
					t.Fatalf("%s: %v, want %q", st.op, err, st.refused)
				case err == nil && st.refused != "":
					t.Errorf("%s succeeds, want %s", st.op, st.refused)
				}
				for pair := range strings.FieldsSeq(st.keep) {
					name, member, _ := strings.Cut(pair, "=")
					value, ok := at(out, member)
					if !ok {
						t.Fatalf("%s: no %s in %v", st.op, member, out)
					}
					kept[name] = value
				}
			}
			for op, ok := range implemented {
				if ok && !called[op] {
					t.Errorf("%s is implemented and not in the table of calls", op)
				}
			}
		})
	}
}

// input is the input of a step with what was kept.
func (st *step) input(t *testing.T, kept map[string]string) map[string]any {
	t.Helper()
	names := []string{}
	for name := range kept {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	text := st.in
	for _, name := range names {
		text = strings.ReplaceAll(text, "$"+name, kept[name])
	}
	var in map[string]any
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatalf("%s: %v: %s", st.op, err, text)
	}
	return in
}

// goCaller calls with a client of aws-sdk-go-v2: its inputs have the members'
// names but for their first letters' case, which encoding/json does not mind.
func goCaller(of any) func(t *testing.T, s *gatehousetest.Server) caller {
	return func(t *testing.T, _ *gatehousetest.Server) caller { return reflected(t, reflect.ValueOf(of)) }
}

func reflected(t *testing.T, client reflect.Value) caller {
	return func(op string, in map[string]any) (map[string]any, error) {
		method := client.MethodByName(op)
		if !method.IsValid() {
			return nil, errUnknown
		}
		input := reflect.New(method.Type().In(1).Elem())
		if body, ok := in["body"].(string); ok && input.Elem().FieldByName("Body").Kind() == reflect.Slice {
			in["body"] = []byte(body)
		}
		if args, ok := in["InvokeArgs"].(string); ok { // the one input that is read, not held
			raw, err := base64.StdEncoding.DecodeString(args)
			if err != nil {
				return nil, err
			}
			input.Elem().FieldByName("InvokeArgs").Set(reflect.ValueOf(bytes.NewReader(raw)))
			delete(in, "InvokeArgs")
		}
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(input.Interface()); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		results := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
		if err, ok := results[1].Interface().(error); ok && err != nil {
			var named smithy.APIError
			if errors.As(err, &named) {
				return nil, errors.New(named.ErrorCode())
			}
			return nil, err
		}
		if text, err = json.Marshal(results[0].Interface()); err != nil {
			return nil, err
		}
		var out map[string]any
		return out, json.Unmarshal(text, &out)
	}
}

// at returns the text or number at a path of an output, whose names may have any case.
func at(v any, path string) (string, bool) {
	for name := range strings.SplitSeq(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			v = nil
			for key, value := range now {
				if strings.EqualFold(key, name) {
					v = value
				}
			}
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(now) {
				return "", false
			}
			v = now[i]
		}
	}
	if number, ok := v.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64), true
	}
	text, ok := v.(string)
	return text, ok
}

// pythonCaller calls with a client written in Python: calls.py makes the calls
// that it reads line by line.
func pythonCaller(kind, service string) func(t *testing.T, s *gatehousetest.Server) caller {
	return func(t *testing.T, s *gatehousetest.Server) caller {
		module := map[string]string{"boto3": "boto3", "aws": "awscli"}[kind]
		if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
			t.Skipf("%s has no %s: install it (make test does so as root)", python, module)
		}
		cmd := exec.CommandContext(t.Context(), python, "calls.py", kind, service, s.Endpoint(), region)
		cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_EC2_METADATA_DISABLED=true",
			"AWS_CONFIG_FILE="+os.DevNull, "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1")
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = stdin.Close() // ends it
			_ = cmd.Wait()
		})
		lines := bufio.NewReader(stdout)
		return func(op string, in map[string]any) (map[string]any, error) {
			text, err := json.Marshal(map[string]any{"op": op, "in": in})
			if err != nil {
				return nil, err
			}
			if _, err := io.WriteString(stdin, string(text)+"\n"); err != nil {
				return nil, err
			}
			line, err := lines.ReadString('\n')
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kind, err)
			}
			var answer struct {
				Out   map[string]any
				Error string
			}
			if err := json.Unmarshal([]byte(line), &answer); err != nil {
				return nil, fmt.Errorf("%s: %w: %s", kind, err, line)
			}
			switch answer.Error {
			case "":
				return answer.Out, nil
			case "unknown":
				return nil, errUnknown
			}
			return nil, errors.New(answer.Error)
		}
	}
}
