package takeout

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

// foundationStack is the stack of what APIs lean on.
const foundationStack = "account"

// foundations takes VPC links, client certificates and the account's role.
func (t *taker) foundations(ctx context.Context) error {
	t.opt.Progress("reading VPC links, client certificates, the account")
	b := t.builder(foundationStack, "What the APIs of API Gateway lean on: VPC links, client certificates, the role that writes logs.")
	links, err := list[api.VpcLink](ctx, t, "VPC links", "/vpclinks")
	if err != nil {
		return err
	}
	for i := range links {
		b.export(*links[i].Id, "VPC link "+str(links[i].Name)+" "+*links[i].Id)
		b.add("AWS::ApiGateway::VpcLink", "VPC link "+str(links[i].Name)+" "+*links[i].Id,
			b.properties("AWS::ApiGateway::VpcLink", "VPC link "+str(links[i].Name), links[i], nil, "Id Status StatusMessage"))
	}
	newer, err := list[v2.VpcLink](ctx, t, "VPC links of HTTP APIs", "/v2/vpclinks")
	if err != nil {
		return err
	}
	for i := range newer {
		b.export(*newer[i].VpcLinkId, "VPC link "+str(newer[i].Name)+" "+*newer[i].VpcLinkId)
		b.add("AWS::ApiGatewayV2::VpcLink", "VPC link "+str(newer[i].Name)+" "+*newer[i].VpcLinkId,
			b.properties("AWS::ApiGatewayV2::VpcLink", "VPC link "+str(newer[i].Name), newer[i], nil, "VpcLinkId CreatedDate VpcLinkStatus VpcLinkStatusMessage VpcLinkVersion"))
	}
	certificates, err := list[api.ClientCertificate](ctx, t, "client certificates", "/clientcertificates")
	if err != nil {
		return err
	}
	for i := range certificates {
		id := *certificates[i].ClientCertificateId
		b.export(id, "Client certificate "+id)
		b.add("AWS::ApiGateway::ClientCertificate", "Client certificate "+id,
			b.properties("AWS::ApiGateway::ClientCertificate", "client certificate "+id, certificates[i], nil, "ClientCertificateId PemEncodedCertificate CreatedDate ExpirationDate"))
		t.leave("client certificate "+id, "its private key cannot be read: a new certificate is made, which backends must be told")
	}
	account, err := one[api.Account](ctx, t, "account", "/account")
	if err != nil {
		return err
	}
	if account != nil && str(account.CloudwatchRoleArn) != "" {
		b.add("AWS::ApiGateway::Account", "Account", map[string]any{"CloudWatchRoleArn": *account.CloudwatchRoleArn})
	}
	if len(b.Resources) > 0 {
		t.out.Stacks = append(t.out.Stacks, Stack{Name: foundationStack, About: "VPC links, client certificates, the account's role", Steps: []Template{b.finish()}})
	}
	return nil
}
