package app

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"testing"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/service/acm"
	rest "gatehouse/internal/service/apigateway"
	httpapi "gatehouse/internal/service/apigatewayv2"
	"gatehouse/internal/service/cloudformation"
	"gatehouse/internal/service/cloudtrail"
	"gatehouse/internal/service/cloudwatch"
	"gatehouse/internal/service/clusters"
	"gatehouse/internal/service/lambda"
	"gatehouse/internal/service/logs"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/service/xray"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// TestCoverage keeps COVERAGE.md in step with the operations implemented.
func TestCoverage(t *testing.T) {
	const page = "../../COVERAGE.md"
	st := memstore.New(memstore.Options{})
	defer st.Close()
	blobs := store.NewBlobs(st, "/")
	var want bytes.Buffer
	mounts := services(Defaults(), &parts{
		st: st, blobs: blobs, certs: acm.New(st, blobs, nil), functions: lambda.New(st, blobs, lambda.Options{}),
		stacks: cloudformation.New(st, cloudformation.Options{}), groups: logs.New(st, logs.Options{}),
		watch: cloudwatch.New(st, nil, cloudwatch.Options{}), cloudMap: servicediscovery.New(st, servicediscovery.Options{DNS: true}, slog.New(slog.DiscardHandler)),
		changes: clusters.New(st, "000000000000", nil, nil), traces: xray.New(st, xray.Options{}),
	})
	if err := awsrpc.WriteCoverage(&want, mounts); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rest.WriteUnsupported(&want), httpapi.WriteUnsupported(&want)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(lambda.WriteUnsupported(&want), cloudwatch.WriteUnsupported(&want)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(logs.WriteUnsupported(&want), cloudtrail.WriteUnsupported(&want)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(xray.WriteUnsupported(&want), acm.WriteUnsupported(&want)); err != nil {
		t.Fatal(err)
	}
	if err := cloudformation.WriteTypes(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is stale: run \"make generate\"", page)
	}
}

// Each quota of REST APIs is a setting, but for the size of a definition to
// import, which Amazon does not raise either.
func TestLimitsAreSettings(t *testing.T) {
	limits := restOptions(Defaults(), &parts{}).Limits
	for field, value := range reflect.ValueOf(limits).Fields() {
		if value.IsZero() && field.Name != "DefinitionMaxBytes" {
			t.Errorf("no setting gives %s", field.Name)
		}
	}
}
