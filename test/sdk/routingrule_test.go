package sdk_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	resttypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"

	"gatehouse/test/gatehousetest"
)

// ruled is an API that tells its name and the path.
const ruled = `{"swagger": "2.0", "info": {"title": "NAME", "version": "1"}, "paths": {"/{proxy+}": {"x-amazon-apigateway-any-method": {
  "responses": {"200": {"description": "ok"}},
  "x-amazon-apigateway-integration": {"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}, "responses": {"default": {"statusCode": "200",
    "responseTemplates": {"application/json": "NAME at /$input.params('proxy')"}}}}}}}}`

// TestRoutingRules leads a custom domain to stages by header and base path.
func TestRoutingRules(t *testing.T) {
	s := start(t)
	rest, v2, ctx := newClient(t, s), newV2Client(t, s), t.Context()
	deploy := func(name string) types.RoutingRuleAction {
		out, err := rest.ImportRestApi(ctx, &apigateway.ImportRestApiInput{Body: []byte(strings.ReplaceAll(ruled, "NAME", name))})
		if err == nil {
			_, err = rest.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: out.Id, StageName: aws.String("prod")})
		}
		if err != nil {
			t.Fatal(err)
		}
		return types.RoutingRuleAction{InvokeApi: &types.RoutingRuleActionInvokeApi{ApiId: out.Id, Stage: aws.String("prod")}}
	}
	shop, beta := deploy("shop"), deploy("beta")
	domain := aws.String("pets.example.com")
	_, err := rest.CreateDomainName(ctx, &apigateway.CreateDomainNameInput{DomainName: domain,
		EndpointConfiguration: &resttypes.EndpointConfiguration{Types: []resttypes.EndpointType{resttypes.EndpointTypeRegional}}})
	if err == nil {
		_, err = rest.CreateBasePathMapping(ctx, &apigateway.CreateBasePathMappingInput{DomainName: domain, RestApiId: shop.InvokeApi.ApiId, Stage: aws.String("prod")})
	}
	if err != nil {
		t.Fatal(err)
	}
	create := func(priority int32, action types.RoutingRuleAction, conditions ...types.RoutingRuleCondition) (string, error) {
		if conditions == nil {
			conditions = []types.RoutingRuleCondition{}
		}
		out, err := v2.CreateRoutingRule(ctx, &apigatewayv2.CreateRoutingRuleInput{DomainName: domain, Priority: &priority,
			Actions: []types.RoutingRuleAction{action}, Conditions: conditions})
		if err != nil {
			return "", err
		}
		return *out.RoutingRuleId, nil
	}
	onHeader := types.RoutingRuleCondition{MatchHeaders: &types.RoutingRuleMatchHeaders{AnyOf: []types.RoutingRuleMatchHeaderValue{
		{Header: aws.String("X-Version"), ValueGlob: aws.String("beta*")}}}}
	onPath := types.RoutingRuleCondition{MatchBasePaths: &types.RoutingRuleMatchBasePaths{AnyOf: []string{"/old"}}}

	_, err = create(20, beta, onHeader)
	wantError(t, "with mappings only", err, "BadRequestException")
	_, err = v2.UpdateDomainName(ctx, &apigatewayv2.UpdateDomainNameInput{DomainName: domain, RoutingMode: types.RoutingModeRoutingRuleThenApiMapping})
	if err != nil {
		t.Fatal(err)
	}
	byHeader, err := create(20, beta, onHeader)
	if err != nil {
		t.Fatal(err)
	}
	stripped := shop
	stripped.InvokeApi = &types.RoutingRuleActionInvokeApi{ApiId: shop.InvokeApi.ApiId, Stage: shop.InvokeApi.Stage, StripBasePath: aws.Bool(true)}
	byPath, err := create(10, stripped, onPath)
	if err != nil {
		t.Fatal(err)
	}
	_, err = create(10, beta)
	wantError(t, "priority of another", err, "ConflictException")
	_, err = create(30, beta, types.RoutingRuleCondition{MatchHeaders: &types.RoutingRuleMatchHeaders{AnyOf: []types.RoutingRuleMatchHeaderValue{
		{Header: aws.String("Authorization"), ValueGlob: aws.String("*")}}}})
	wantError(t, "header that is refused", err, "BadRequestException")
	_, err = create(30, types.RoutingRuleAction{InvokeApi: &types.RoutingRuleActionInvokeApi{ApiId: beta.InvokeApi.ApiId, Stage: aws.String("none")}})
	wantError(t, "no such stage", err, "BadRequestException")

	wantAnswer(t, s, "/pets/3", "beta-3", "beta at /pets/3")
	wantAnswer(t, s, "/pets/3", "3", "shop at /pets/3")
	wantAnswer(t, s, "/old/pets/3", "beta", "shop at /pets/3")
	list, err := v2.ListRoutingRules(ctx, &apigatewayv2.ListRoutingRulesInput{DomainName: domain})
	if err != nil || len(list.RoutingRules) != 2 || *list.RoutingRules[0].RoutingRuleId != byPath {
		t.Errorf("ListRoutingRules = %v, %v, want the two in order", list, err)
	}

	// With rules only the mapping waits. A rule without conditions takes all.
	if _, err = v2.UpdateDomainName(ctx, &apigatewayv2.UpdateDomainNameInput{DomainName: domain, RoutingMode: types.RoutingModeRoutingRuleOnly}); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, s, "/pets/3", "3", "403")
	_, err = v2.PutRoutingRule(ctx, &apigatewayv2.PutRoutingRuleInput{DomainName: domain, RoutingRuleId: &byHeader, Priority: aws.Int32(30),
		Actions: []types.RoutingRuleAction{beta}, Conditions: []types.RoutingRuleCondition{}})
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, s, "/pets/3", "3", "beta at /pets/3")
	rule, err := v2.GetRoutingRule(ctx, &apigatewayv2.GetRoutingRuleInput{DomainName: domain, RoutingRuleId: &byHeader})
	if err != nil || !strings.HasSuffix(aws.ToString(rule.RoutingRuleArn), ":/domainnames/pets.example.com/routingrules/"+byHeader) || *rule.Priority != 30 {
		t.Errorf("GetRoutingRule = %v, %v", rule, err)
	}
	if _, err = v2.DeleteRoutingRule(ctx, &apigatewayv2.DeleteRoutingRuleInput{DomainName: domain, RoutingRuleId: &byHeader}); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, s, "/pets/3", "3", "403")
	if _, err = rest.DeleteDomainName(ctx, &apigateway.DeleteDomainNameInput{DomainName: domain}); err != nil {
		t.Fatal(err)
	}
	_, err = v2.GetRoutingRule(ctx, &apigatewayv2.GetRoutingRuleInput{DomainName: domain, RoutingRuleId: &byPath})
	wantError(t, "the domain is gone", err, "NotFoundException")
}

func wantError(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// wantAnswer asks the custom domain with a version in the header. An answer
// that is no success is its status.
func wantAnswer(t *testing.T, s *gatehousetest.Server, path, version, want string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Listen+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "pets.example.com"
	req.Header.Set("x-version", version)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		got = []byte(resp.Status[:3])
	}
	if string(got) != want {
		t.Errorf("GET %s with version %s = %q, want %q", path, version, got, want)
	}
}
