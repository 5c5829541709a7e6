package ascode_test

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mirror is where the providers of Terraform are, unless the environment says
// otherwise.
const mirror = "/opt/tf-plugins"

// TestTerraform applies a configuration, finds that a plan of it changes
// nothing, imports all of it into an empty state without a change, and destroys
// it.
func TestTerraform(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	plugins := mirror
	if named := os.Getenv("TERRAFORM_MIRROR"); named != "" {
		plugins = named
	}
	if _, err := os.Stat(filepath.Join(plugins, "registry.terraform.io/hashicorp/aws")); err != nil {
		t.Skip("there is no mirror of the provider hashicorp/aws: name one in TERRAFORM_MIRROR")
	}
	for _, name := range []string{"rest", "http", "domains"} {
		t.Run(name, func(t *testing.T) {
			d := start(t, filepath.Join("testdata", name), "--load-balancer", loadBalancer+"=127.0.0.1:9")
			d.prepare(t, plugins)
			d.run(t, 0, terraform, "init", "-no-color")
			d.run(t, 0, terraform, "apply", "-auto-approve", "-no-color", "-input=false")
			if name == "rest" {
				d.callPets(t, terraform)
			}
			// 2 would be the exit code of a plan with changes.
			d.run(t, 0, terraform, "plan", "-detailed-exitcode", "-no-color", "-input=false")
			d.importAll(t, terraform)
			d.run(t, 0, terraform, "destroy", "-auto-approve", "-no-color", "-input=false")
		})
	}
}

// prepare writes what the configurations need: where the provider is, code of a
// function, a certificate.
func (d *deployer) prepare(t *testing.T, plugins string) {
	write := func(name string, content []byte) string {
		path := filepath.Join(d.dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rc := write("terraform.rc", fmt.Appendf(nil, "disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", plugins))
	provider, err := os.ReadFile("testdata/provider.tf")
	if err != nil {
		t.Fatal(err)
	}
	write("provider.tf", provider)
	cert, key := certificate(t, "http.example.com")
	write("cert.pem", cert)
	write("key.pem", key)
	cert, key = certificate(t, "inner.example.com")
	write("inner.pem", cert)
	write("inner-key.pem", key)
	d.env = append(d.env, "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "TF_VAR_endpoint="+d.Endpoint(), "TF_VAR_load_balancer="+loadBalancer,
		"TF_VAR_zip="+write("app.zip", zipped(t)), "TF_VAR_certificate="+d.dir)
}

func zipped(t *testing.T) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("app.py")
	if err == nil {
		_, err = w.Write([]byte("def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// certificate makes a self-signed certificate and its key.
func certificate(t *testing.T, name string) (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// callPets calls the API that Terraform made.
func (d *deployer) callPets(t *testing.T, terraform string) {
	id := strings.TrimSpace(d.run(t, 0, terraform, "output", "-raw", "-no-color", "api"))
	if got, want := d.get(t, id+"/prod/pets/7", nil), `200 {"name": "rex"}`; got != want {
		t.Errorf("GET /pets/7 = %s, want %s", got, want)
	}
}

// A block is a resource of a state.
type block struct {
	Mode, Type, Name string
	Instances        []struct {
		Attributes map[string]any
	}
}

// importAll forgets the state and imports all that was in it, and can be
// imported: that must not change anything.
func (d *deployer) importAll(t *testing.T, terraform string) {
	t.Helper()
	path := filepath.Join(d.dir, "terraform.tfstate")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Resources []block }
	readJSON(t, text, &state)
	var blocks, kept strings.Builder
	n := 0
	for _, r := range state.Resources {
		if r.Mode != "managed" {
			continue
		}
		of, known := imports()[r.Type]
		if !known {
			of = "id"
		}
		if of == "" {
			continue
		}
		n++
		fmt.Fprintf(&blocks, "import {\n  to = %s.%s\n  id = %q\n}\n", r.Type, r.Name, fill(of, r.Instances[0].Attributes))
		fmt.Fprintf(&kept, "%s.%s\n", r.Type, r.Name)
	}
	for _, r := range state.Resources {
		if of, known := imports()[r.Type]; known && of == "" {
			t.Logf("%s cannot be imported and is left in the state", r.Type)
		}
	}
	if err := os.WriteFile(filepath.Join(d.dir, "import.tf"), []byte(blocks.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t, 0, terraform, append([]string{"state", "rm", "-no-color"}, strings.Fields(kept.String())...)...)
	got := d.run(t, 0, terraform, "apply", "-auto-approve", "-no-color", "-input=false")
	if want := fmt.Sprintf("%d imported, 0 added, 0 changed, 0 destroyed", n); !strings.Contains(got, want) {
		t.Errorf("import: want %s, got:\n%s", want, lastOf([]byte(got)))
	}
}

// fill makes an id out of attributes: words of form that name one stand for it.
func fill(form string, attributes map[string]any) string {
	return os.Expand("${"+strings.NewReplacer("/", "}/${", ":", "}:${").Replace(form)+"}", func(name string) string {
		return fmt.Sprint(attributes[name])
	})
}

// imports are the ids that types are imported by, in attributes; "" for those
// that the provider cannot import. All others have their id.
func imports() map[string]string {
	return map[string]string{
		"aws_api_gateway_domain_name_access_association": "arn",
		"aws_acm_certificate_validation":                 "",
		"aws_api_gateway_authorizer":                     "rest_api_id/id",
		"aws_api_gateway_deployment":                     "rest_api_id/id",
		"aws_api_gateway_documentation_part":             "rest_api_id/documentation_part_id",
		"aws_api_gateway_gateway_response":               "rest_api_id/response_type",
		"aws_api_gateway_integration":                    "rest_api_id/resource_id/http_method",
		"aws_api_gateway_integration_response":           "rest_api_id/resource_id/http_method/status_code",
		"aws_api_gateway_method":                         "rest_api_id/resource_id/http_method",
		"aws_api_gateway_method_response":                "rest_api_id/resource_id/http_method/status_code",
		"aws_api_gateway_method_settings":                "rest_api_id/stage_name/method_path",
		"aws_api_gateway_model":                          "rest_api_id/name",
		"aws_api_gateway_request_validator":              "rest_api_id/id",
		"aws_api_gateway_resource":                       "rest_api_id/id",
		"aws_api_gateway_rest_api_policy":                "rest_api_id",
		"aws_api_gateway_rest_api_put":                   "rest_api_id",
		"aws_api_gateway_stage":                          "rest_api_id/stage_name",
		"aws_api_gateway_usage_plan_key":                 "usage_plan_id/key_id",
		"aws_apigatewayv2_api_mapping":                   "id/domain_name",
		"aws_apigatewayv2_authorizer":                    "api_id/id",
		"aws_apigatewayv2_deployment":                    "api_id/id",
		"aws_apigatewayv2_integration":                   "api_id/id",
		"aws_apigatewayv2_integration_response":          "api_id/integration_id/id",
		"aws_apigatewayv2_model":                         "api_id/id",
		"aws_apigatewayv2_route":                         "api_id/id",
		"aws_apigatewayv2_route_response":                "api_id/route_id/id",
		"aws_apigatewayv2_stage":                         "api_id/id",
		"aws_iam_role_policy_attachment":                 "role/policy_arn",
		"aws_lambda_alias":                               "function_name/name",
		"aws_lambda_layer_version":                       "arn",
		"aws_lambda_permission":                          "", // needs the qualifier of the function in a form of its own
		"aws_s3_object":                                  "bucket/key",
		"aws_service_discovery_http_namespace":           "id",
	}
}
