package cloudformation

import (
	"context"

	"gatehouse/internal/awsrpc"
)

// logDeliveryKinds are deliveries of logs, with their sources and destinations.
//
// AWS: template reference of AWS::Logs::DeliverySource, DeliveryDestination and
// Delivery.
func logDeliveryKinds() []*kind {
	const service = "logs"
	return []*kind{
		{
			Type: "AWS::Logs::DeliverySource", service: service, props: "LogType Name! ResourceArn Tags@", reads: readDelivery("GetDeliverySource", "name", "deliverySource"),
			makes: func(ctx context.Context, w *worker) error {
				return putDeliveryEnd(ctx, w, "PutDeliverySource", "deliverySource")
			},
			turns: func(ctx context.Context, w *worker) error {
				return putDeliveryEnd(ctx, w, "PutDeliverySource", "deliverySource")
			},
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteDeliverySource", map[string]any{"name": w.id})
				return err
			},
		},
		{
			Type: "AWS::Logs::DeliveryDestination", service: service,
			props: "DeliveryDestinationPolicy DeliveryDestinationType DestinationResourceArn Name! OutputFormat! Tags@",
			reads: readDelivery("GetDeliveryDestination", "name", "deliveryDestination"),
			makes: func(ctx context.Context, w *worker) error {
				return putDeliveryEnd(ctx, w, "PutDeliveryDestination", "deliveryDestination")
			},
			turns: func(ctx context.Context, w *worker) error {
				return putDeliveryEnd(ctx, w, "PutDeliveryDestination", "deliveryDestination")
			},
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteDeliveryDestination", map[string]any{"name": w.id})
				return err
			},
		},
		{
			Type: "AWS::Logs::Delivery", service: service,
			props: "DeliveryDestinationArn! DeliverySourceName! FieldDelimiter RecordFields S3EnableHiveCompatiblePath S3SuffixPath Tags@",
			makes: makeDelivery, turns: turnDelivery, reads: readDelivery("GetDelivery", "id", "delivery"),
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteDelivery", map[string]any{"id": w.id})
				return err
			},
		},
	}
}

// putDeliveryEnd makes or changes a source or a destination.
func putDeliveryEnd(ctx context.Context, w *worker, operation, member string) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	if _, ok := in["DeliveryDestinationPolicy"]; ok {
		return &awsrpc.Error{Code: "ValidationException", Status: 400, Message: "Gatehouse does not support DeliveryDestinationPolicy of AWS::Logs::DeliveryDestination yet"}
	}
	if resource, ok := in["DestinationResourceArn"]; ok {
		delete(in, "DestinationResourceArn")
		in["deliveryDestinationConfiguration"] = map[string]any{"destinationResourceArn": resource}
	}
	out, err := w.call(ctx, operation, in)
	if err != nil {
		return err
	}
	made := asMembers(out[member])
	w.id = w.text("Name")
	for attribute, name := range map[string]string{"Arn": "arn", "Service": "service", "ResourceArns": "resourceArns", "DeliveryDestinationType": "deliveryDestinationType"} {
		if v, ok := made[name]; ok {
			w.attributes[attribute] = v
		}
	}
	return nil
}

// deliveryInput is what a delivery is told of its records.
func deliveryInput(w *worker) (map[string]any, error) {
	in, err := w.kind.input(w.props)
	if err != nil {
		return nil, err
	}
	bucket := map[string]any{}
	for property, member := range map[string]string{"S3SuffixPath": "suffixPath", "S3EnableHiveCompatiblePath": "enableHiveCompatiblePath"} {
		if v, ok := in[property]; ok {
			delete(in, property)
			bucket[member] = v
		}
	}
	if len(bucket) > 0 {
		in["s3DeliveryConfiguration"] = bucket
	}
	return in, nil
}

func makeDelivery(ctx context.Context, w *worker) error {
	in, err := deliveryInput(w)
	if err != nil {
		return err
	}
	out, err := w.call(ctx, "CreateDelivery", in)
	if err != nil {
		return err
	}
	made := asMembers(out["delivery"])
	w.id, _ = textOf(made["id"])
	w.attributes["DeliveryId"], w.attributes["Arn"], w.attributes["DeliveryDestinationType"] = w.id, made["arn"], made["deliveryDestinationType"]
	return nil
}

func turnDelivery(ctx context.Context, w *worker) error {
	in, err := deliveryInput(w)
	if err != nil {
		return err
	}
	for _, name := range []string{"DeliveryDestinationArn", "DeliverySourceName", "Tags"} {
		delete(in, name)
	}
	in["id"] = w.id
	_, err = w.call(ctx, "UpdateDeliveryConfiguration", in)
	return err
}
