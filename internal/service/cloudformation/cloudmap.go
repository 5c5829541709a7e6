package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// cloudMapKinds are namespaces, services and instances of Cloud Map.
func cloudMapKinds() []*kind {
	const service = "servicediscovery"
	return []*kind{
		{
			Type: "AWS::ServiceDiscovery::HttpNamespace", service: service, props: "Description Name! Tags", remove: "DeleteNamespace", key: "Id",
			makes: makeNamespace, turns: turnNamespace, reads: readNamespace,
		},
		{
			Type: "AWS::ServiceDiscovery::PrivateDnsNamespace", service: service, props: "Description Name! Properties Tags Vpc!", remove: "DeleteNamespace", key: "Id",
			makes: makeNamespace, turns: turnNamespace, reads: readNamespace,
		},
		{
			Type: "AWS::ServiceDiscovery::PublicDnsNamespace", service: service, props: "Description Name! Properties Tags", remove: "DeleteNamespace", key: "Id",
			makes: makeNamespace, turns: turnNamespace, reads: readNamespace,
		},
		{
			Type: "AWS::ServiceDiscovery::Service", service: service, remove: "DeleteService", key: "Id",
			props: "Description DnsConfig HealthCheckConfig HealthCheckCustomConfig! Name! NamespaceId! ServiceAttributes Tags Type!",
			makes: makeCloudMapService, turns: turnCloudMapService, reads: readCloudMapService,
		},
		{
			Type: "AWS::ServiceDiscovery::Instance", service: service, props: "InstanceAttributes InstanceId! ServiceId!", remove: "DeregisterInstance",
			under: "ServiceId", key: "InstanceId", makes: registerInstance, turns: registerInstance, reads: readInstance,
		},
	}
}

// namespaceKind is what of a type's name stands in the names of operations.
func namespaceKind(w *worker) string {
	return strings.TrimPrefix(w.kind.Type, "AWS::ServiceDiscovery::")
}

func makeNamespace(ctx context.Context, w *worker) error {
	out, err := w.call(ctx, "Create"+namespaceKind(w), only(w.props, "Name", "Description", "Properties", "Tags", "Vpc"))
	if err != nil {
		return err
	}
	op, err := w.call(ctx, "GetOperation", only(out, "OperationId"))
	if err != nil {
		return err
	}
	w.id, _ = textOf(asMembers(asMembers(op["Operation"])["Targets"])["NAMESPACE"])
	got, err := w.call(ctx, "GetNamespace", map[string]any{"Id": w.id})
	ns := asMembers(got["Namespace"])
	w.attributes["Id"], w.attributes["Arn"] = w.id, ns["Arn"]
	if dns := asMembers(asMembers(ns["Properties"])["DnsProperties"]); dns["HostedZoneId"] != nil {
		w.attributes["HostedZoneId"] = dns["HostedZoneId"]
	}
	return err
}

func turnNamespace(ctx context.Context, w *worker) error {
	change := map[string]any{"Description": w.text("Description")}
	if p := w.props["Properties"]; p != nil {
		change["Properties"] = p
	}
	if !same(only(w.old, "Description", "Properties"), only(w.props, "Description", "Properties")) {
		if _, err := w.call(ctx, "Update"+namespaceKind(w), map[string]any{"Id": w.id, "Namespace": change}); err != nil {
			return err
		}
	}
	return retagByList(ctx, w)
}

func makeCloudMapService(ctx context.Context, w *worker) error {
	in := maps.Clone(w.props)
	delete(in, "ServiceAttributes")
	if in["Name"] == nil {
		in["Name"] = w.physicalName(64) // AWS: "If you don't specify Name, a unique one is generated"
	}
	out, err := w.call(ctx, "CreateService", in)
	if err != nil {
		return err
	}
	made := asMembers(out["Service"])
	w.id, _ = textOf(made["Id"])
	w.attributes["Id"], w.attributes["Arn"], w.attributes["Name"] = w.id, made["Arn"], made["Name"]
	return serviceAttributes(ctx, w, nil)
}

func turnCloudMapService(ctx context.Context, w *worker) error {
	change := only(w.props, "Description", "DnsConfig", "HealthCheckConfig")
	if w.props["Description"] == nil {
		change["Description"] = ""
	}
	if dns := asMembers(change["DnsConfig"]); dns != nil {
		if before := asMembers(w.old["DnsConfig"]); !same(before["RoutingPolicy"], dns["RoutingPolicy"]) {
			return awsrpc.Validation("#/DnsConfig/RoutingPolicy: cannot change: replace the service by one of another name")
		}
		change["DnsConfig"] = only(dns, "DnsRecords")
	}
	if !same(only(w.old, "Description", "DnsConfig", "HealthCheckConfig"), only(w.props, "Description", "DnsConfig", "HealthCheckConfig")) {
		if _, err := w.call(ctx, "UpdateService", map[string]any{"Id": w.id, "Service": change}); err != nil {
			return err
		}
	}
	if err := serviceAttributes(ctx, w, asMembers(w.old["ServiceAttributes"])); err != nil {
		return err
	}
	return retagByList(ctx, w)
}

// serviceAttributes makes the attributes of a service what its properties say.
func serviceAttributes(ctx context.Context, w *worker, before map[string]any) error {
	after := asMembers(w.props["ServiceAttributes"])
	if gone := slices.Sorted(maps.Keys(without(before, after))); len(gone) > 0 {
		if _, err := w.call(ctx, "DeleteServiceAttributes", map[string]any{"ServiceId": w.id, "Attributes": anyList(gone)}); err != nil {
			return err
		}
	}
	if len(after) == 0 || same(before, after) {
		return nil
	}
	_, err := w.call(ctx, "UpdateServiceAttributes", map[string]any{"ServiceId": w.id, "Attributes": after})
	return err
}

// registerInstance registers an instance, or changes it.
func registerInstance(ctx context.Context, w *worker) error {
	id := w.text("InstanceId")
	if w.id != "" {
		id = w.id
	}
	if id == "" {
		id = w.physicalName(64)
	}
	_, err := w.call(ctx, "RegisterInstance", map[string]any{"ServiceId": w.props["ServiceId"], "InstanceId": id, "Attributes": w.props["InstanceAttributes"]})
	if err == nil {
		w.id = id
	}
	return err
}

// readNamespace reads what a namespace is.
func readNamespace(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetNamespace", map[string]any{"Id": w.id})
	if err != nil {
		return nil, err
	}
	found := asMembers(out["Namespace"])
	is := w.inTemplateForm(found)
	return is, w.readTags(ctx, is, found["Arn"])
}

// readCloudMapService reads what a service of Cloud Map is.
func readCloudMapService(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetService", map[string]any{"Id": w.id})
	if err != nil {
		return nil, err
	}
	found := asMembers(out["Service"])
	if dns := asMembers(found["DnsConfig"]); dns != nil {
		dns["NamespaceId"] = found["NamespaceId"] // AWS: the old place of it
	}
	is := w.inTemplateForm(found)
	if _, stated := w.props["ServiceAttributes"]; stated {
		out, err := w.call(ctx, "GetServiceAttributes", map[string]any{"ServiceId": w.id})
		if err != nil {
			return nil, err
		}
		is["ServiceAttributes"] = asMembers(out["ServiceAttributes"])["Attributes"]
	}
	return is, w.readTags(ctx, is, found["Arn"])
}

// readInstance reads what an instance of Cloud Map is.
func readInstance(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetInstance", map[string]any{"ServiceId": w.props["ServiceId"], "InstanceId": w.id})
	if err != nil {
		return nil, err
	}
	found := asMembers(out["Instance"])
	is := only(w.props, "ServiceId")
	is["InstanceId"], is["InstanceAttributes"] = found["Id"], found["Attributes"]
	return is, nil
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, s := range texts {
		list[i] = s
	}
	return list
}
