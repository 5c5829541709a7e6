package sdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// TestGoDocuments moves an API with its documentation to another by documents
// alone, and keys by a file.
func TestGoDocuments(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := newClient(t, s)
	id := buildAPI(ctx, t, c, newBackend(t))

	_, err := c.CreateDocumentationPart(ctx, &apigateway.CreateDocumentationPartInput{
		RestApiId: &id, Properties: aws.String(`{"description": "one pet"}`),
		Location: &types.DocumentationPartLocation{Type: types.DocumentationPartTypeMethod, Path: aws.String("/pets/{id}"), Method: aws.String("GET")},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateDocumentationVersion(ctx, &apigateway.CreateDocumentationVersionInput{
		RestApiId: &id, DocumentationVersion: aws.String("1"), StageName: aws.String("prod")})
	if err != nil {
		t.Fatal(err)
	}
	export, err := c.GetExport(ctx, &apigateway.GetExportInput{
		RestApiId: &id, StageName: aws.String("prod"), ExportType: aws.String("oas30"), // the SDK overwrites Accepts with JSON
		Parameters: map[string]string{"extensions": "apigateway"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if name := aws.ToString(export.ContentDisposition); !strings.HasPrefix(name, `attachment; filename="oas30_`) || !strings.HasSuffix(name, `.json"`) {
		t.Errorf("the export is called %s", name)
	}
	other, err := c.ImportRestApi(ctx, &apigateway.ImportRestApiInput{Body: export.Body, FailOnWarnings: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{
		RestApiId: other.Id, StageName: aws.String("prod"), Variables: map[string]string{"kind": "animals"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := call(t, s, *other.Id, "prod", "/pets/7"), "200 /animals/7"; got != want {
		t.Errorf("GET /pets/7 of the second API = %s, want %s", got, want)
	}
	parts, err := c.GetDocumentationParts(ctx, &apigateway.GetDocumentationPartsInput{RestApiId: other.Id, Type: types.DocumentationPartTypeMethod})
	if err != nil || len(parts.Items) != 1 || *parts.Items[0].Properties != `{"description":"one pet"}` {
		t.Errorf("documentation of the second API: %v, %v", parts, err)
	}

	keys, err := c.ImportApiKeys(ctx, &apigateway.ImportApiKeysInput{
		Format: types.ApiKeysFormatCsv, FailOnWarnings: true, Body: []byte("name,key\nmine,key-of-the-sdk-00000001\n")})
	if err != nil || len(keys.Ids) != 1 {
		t.Fatalf("ImportApiKeys = %v, %v", keys, err)
	}
	_, err = c.GetSdk(ctx, &apigateway.GetSdkInput{RestApiId: &id, StageName: aws.String("prod"), SdkType: aws.String("java")})
	var bad *types.BadRequestException
	if !errors.As(err, &bad) {
		t.Errorf("GetSdk: %v, want a BadRequestException", err)
	}
}
