package cloudformation

import (
	"context"
	"maps"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
)

// domainKinds are what belongs to private domain names, and routing rules: types
// that name a domain by its ARN, where the API has a name and an id.
func domainKinds() []*kind {
	const service = "apigateway"
	return []*kind{
		{
			Type: "AWS::ApiGateway::DomainNameV2", service: service, create: "CreateDomainName", update: "UpdateDomainName", remove: "DeleteDomainName",
			props: "CertificateArn DomainName! EndpointAccessMode EndpointConfiguration! Policy# RoutingMode SecurityPolicy! Tags@",
			ref:   "domainNameArn", attrs: "DomainNameArn DomainNameId=domainNameId",
			names:   domainOf(func(w *worker) string { return w.id }),
			patches: patchTexts("CertificateArn EndpointAccessMode Policy RoutingMode"),
		},
		{
			Type: "AWS::ApiGateway::BasePathMappingV2", service: service, update: "UpdateBasePathMapping", remove: "DeleteBasePathMapping",
			props: "BasePath! DomainNameArn! RestApiId Stage", attrs: "BasePathMappingArn", makes: makeMappingV2, names: mappingV2,
			patches: patchTexts("RestApiId Stage"),
		},
		{
			Type: "AWS::ApiGateway::DomainNameAccessAssociation", service: service, create: "CreateDomainNameAccessAssociation", remove: "DeleteDomainNameAccessAssociation",
			props: "AccessAssociationSource! AccessAssociationSourceType! DomainNameArn! Tags@", ref: "domainNameAccessAssociationArn", key: "domainNameAccessAssociationArn",
			attrs: "DomainNameAccessAssociationArn", turns: func(ctx context.Context, w *worker) error { return w.kind.retag(ctx, w) },
			reads: readAccess,
		},
		{
			Type: "AWS::ApiGatewayV2::RoutingRule", service: "apigatewayv2", remove: "DeleteRoutingRule",
			props: "Actions Conditions DomainNameArn! Priority", attrs: "RoutingRuleArn", names: ruleOf, makes: makeRule, turns: turnRule,
		},
	}
}

// readAccess reads what an association with a private domain name is.
func readAccess(ctx context.Context, w *worker) (map[string]any, error) {
	list, err := w.every(ctx, "GetDomainNameAccessAssociations", map[string]any{}, "item")
	if err != nil {
		return nil, err
	}
	found, err := one(list, "domainNameAccessAssociationArn", w.id)
	if err != nil {
		return nil, err
	}
	return w.inTemplateForm(found), nil
}

// domainOf names a domain in inputs by its ARN.
func domainOf(name func(w *worker) string) func(w *worker) (map[string]any, error) {
	return func(w *worker) (map[string]any, error) { return domainByARN(name(w)) }
}

// domainByARN takes the ARN of a domain name apart: that of a private one ends on
// its id.
func domainByARN(name string) (map[string]any, error) {
	a, err := arn.Parse(name)
	key, ok := strings.CutPrefix(a.Resource, "/domainnames/")
	if err != nil || !ok || key == "" || strings.Contains(key, "/") {
		return nil, awsrpc.Validation("#/DomainNameArn: failed validation constraint: " + name + " is not the ARN of a domain name")
	}
	in := map[string]any{}
	if domain, id, private := strings.Cut(key, "+"); private {
		in["domainName"], in["domainNameId"] = domain, id
	} else {
		in["domainName"] = key
	}
	return in, nil
}

// mappingV2 names a mapping in inputs.
func mappingV2(w *worker) (map[string]any, error) {
	in, err := domainByARN(w.text("DomainNameArn"))
	if err != nil {
		return nil, err
	}
	maps.Copy(in, only(basePath(w), "basePath"))
	return in, nil
}

func makeMappingV2(ctx context.Context, w *worker) error {
	in, err := domainByARN(w.text("DomainNameArn"))
	if err != nil {
		return err
	}
	maps.Copy(in, only(w.props, "BasePath", "RestApiId", "Stage"))
	out, err := w.call(ctx, "CreateBasePathMapping", in)
	if err != nil {
		return err
	}
	base, _ := textOf(out["basePath"])
	w.id = w.text("DomainNameArn") + "/basepathmappings/" + base
	w.attributes["BasePathMappingArn"] = w.id
	return nil
}

// ruleOf names a routing rule in inputs.
func ruleOf(w *worker) (map[string]any, error) {
	in, err := domainByARN(w.text("DomainNameArn"))
	if err != nil {
		return nil, err
	}
	if w.id != "" {
		in["routingRuleId"] = w.id[strings.LastIndexByte(w.id, '/')+1:]
	}
	return in, nil
}

func makeRule(ctx context.Context, w *worker) error {
	in, err := ruleOf(w)
	if err != nil {
		return err
	}
	maps.Copy(in, only(w.props, "Actions", "Conditions", "Priority"))
	out, err := w.call(ctx, "CreateRoutingRule", in)
	if err != nil {
		return err
	}
	w.id, _ = textOf(out["routingRuleArn"])
	w.attributes["RoutingRuleArn"], w.attributes["RoutingRuleId"] = w.id, out["routingRuleId"]
	return nil
}

// turnRule replaces a rule as a whole, under its id.
func turnRule(ctx context.Context, w *worker) error {
	in, err := ruleOf(w)
	if err != nil {
		return err
	}
	maps.Copy(in, only(w.props, "Actions", "Conditions", "Priority"))
	_, err = w.call(ctx, "PutRoutingRule", in)
	return err
}
