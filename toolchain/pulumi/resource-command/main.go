// Command pulumi-resource-command is the provider of @pulumi/command 1.2.1, where the released one cannot be had.
//
// It keeps the contract of the released plugin: names and types (schema.json), what runs when, what the environment of
// a command holds, what is logged, returned, and said of a failure. The suite in toolchain/test runs against both.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

const version = "1.2.1"

// How often the engine is asked whether it is still there: one that was killed says no good-bye.
const enginePoll = 5 * time.Second

//go:embed schema.json
var schemaText []byte

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	end, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	server := &commandProvider{ctx: ctx, cancel: cancel, stop: stop, schema: readSchema(schemaText)}
	if len(os.Args) > 1 {
		if err := server.connect(os.Args[1]); err != nil {
			fail("cannot reach the Pulumi engine at %s: %v", os.Args[1], err)
		}
	}
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(s, server)
			return nil
		},
		Options: rpcutil.OpenTracingServerInterceptorOptions(nil),
	})
	if err != nil {
		fail("cannot listen on 127.0.0.1: %v", err)
	}
	go func() {
		<-end.Done()
		cancel()
		server.running.Wait()
		os.Exit(1)
	}()
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		fail("stopped serving: %v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "pulumi-resource-command "+format+"\n", args...)
	os.Exit(1)
}

// commandProvider serves the ResourceProvider protocol.
type commandProvider struct {
	pulumirpc.UnimplementedResourceProviderServer
	schema *schema

	ctx     context.Context // done once the engine cancels
	cancel  context.CancelFunc
	stop    context.CancelFunc // ends this process
	running sync.WaitGroup

	mutex  sync.Mutex
	engine pulumirpc.EngineClient // nil until the engine is known
}

func (p *commandProvider) connect(address string) error {
	conn, err := grpc.NewClient(
		address, grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	if err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.engine = pulumirpc.NewEngineClient(conn)
	return rpcutil.Healthcheck(context.Background(), address, enginePoll, p.stop)
}

// begin gives the context of one operation: done when the engine gives up the call or cancels all.
func (p *commandProvider) begin(ctx context.Context) (context.Context, func()) {
	p.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
		p.running.Done()
	}
}

func (p *commandProvider) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, p.connect(req.GetAddress())
}

func (p *commandProvider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	p.cancel()
	return &emptypb.Empty{}, nil
}

func (p *commandProvider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

func (p *commandProvider) GetSchema(
	context.Context, *pulumirpc.GetSchemaRequest,
) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: string(schemaText)}, nil
}

func (p *commandProvider) CheckConfig(
	_ context.Context, req *pulumirpc.CheckRequest,
) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

func (p *commandProvider) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
}

func (p *commandProvider) Configure(
	context.Context, *pulumirpc.ConfigureRequest,
) (*pulumirpc.ConfigureResponse, error) {
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true, AcceptResources: true}, nil
}

func (p *commandProvider) Check(
	_ context.Context, req *pulumirpc.CheckRequest,
) (*pulumirpc.CheckResponse, error) {
	shape, token, err := p.schema.resource(req.GetUrn())
	if err != nil {
		return nil, err
	}
	inputs, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	_, hasPrevious := inputs[addPrevious]
	inputs, failures := p.schema.check(shape, goName(token)+"Inputs", inputs)
	if token == localCommand && !hasPrevious {
		// The released plugin leaves it out: it heeds no default that a local command has from the struct inside of it.
		delete(inputs, addPrevious)
	}
	if token == copyToRemote && len(failures) == 0 {
		failures = checkSource(inputs)
	}
	out, err := marshal(inputs)
	return &pulumirpc.CheckResponse{Inputs: out, Failures: failures}, err
}

func (p *commandProvider) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	shape, token, err := p.schema.resource(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	return diff(shape, olds, news, req.GetIgnoreChanges(), updatable(token)), nil
}

func (p *commandProvider) Create(
	ctx context.Context, req *pulumirpc.CreateRequest,
) (*pulumirpc.CreateResponse, error) {
	_, token, err := p.schema.resource(req.GetUrn())
	if err != nil {
		return nil, err
	}
	inputs, err := unmarshal(req.GetProperties())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		properties, err := marshal(unknownOutputs(token, inputs))
		return &pulumirpc.CreateResponse{Properties: properties}, err
	}
	ctx, end := p.begin(ctx)
	defer end()
	state, err := p.apply(ctx, token, resource.URN(req.GetUrn()), nil, inputs)
	if err != nil {
		return nil, err
	}
	name := ""
	if updatable(token) && token != copyToRemote {
		name = resource.URN(req.GetUrn()).Name()
	}
	id, err := resource.NewUniqueHex(name, 8, 0)
	if err != nil {
		return nil, err
	}
	properties, err := marshal(state)
	return &pulumirpc.CreateResponse{Id: id, Properties: properties}, err
}

func (p *commandProvider) Update(
	ctx context.Context, req *pulumirpc.UpdateRequest,
) (*pulumirpc.UpdateResponse, error) {
	shape, token, err := p.schema.resource(req.GetUrn())
	if err != nil {
		return nil, err
	}
	if !updatable(token) {
		return nil, status.Errorf(codes.Unimplemented, "Update is not implemented for resource %s", req.GetUrn())
	}
	olds, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	for _, ignored := range req.GetIgnoreChanges() {
		key := resource.PropertyKey(ignored)
		if old, had := olds[key]; had {
			news[key] = old
		}
	}
	if req.GetPreview() {
		properties, err := marshal(foreseen(shape, token, olds, news))
		return &pulumirpc.UpdateResponse{Properties: properties}, err
	}
	ctx, end := p.begin(ctx)
	defer end()
	state, err := p.apply(ctx, token, resource.URN(req.GetUrn()), olds, news)
	if err != nil {
		return nil, err
	}
	properties, err := marshal(state)
	return &pulumirpc.UpdateResponse{Properties: properties}, err
}

func (p *commandProvider) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	_, token, err := p.schema.resource(req.GetUrn())
	if err != nil {
		return nil, err
	}
	state, err := unmarshal(req.GetProperties())
	if err != nil {
		return nil, err
	}
	ctx, end := p.begin(ctx)
	defer end()
	return &emptypb.Empty{}, p.remove(ctx, token, resource.URN(req.GetUrn()), state)
}

// Read gives back what it was given: the outcome of a command cannot be read again.
func (p *commandProvider) Read(_ context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	return &pulumirpc.ReadResponse{
		Id: req.GetId(), Properties: req.GetProperties(), Inputs: req.GetInputs(),
	}, nil
}

func (p *commandProvider) Invoke(
	ctx context.Context, req *pulumirpc.InvokeRequest,
) (*pulumirpc.InvokeResponse, error) {
	if req.GetTok() != localRun {
		return nil, status.Errorf(codes.NotFound, "%s not found", req.GetTok())
	}
	inputs, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	shape := p.schema.Functions[localRun].Inputs
	inputs, failures := p.schema.check(shape, "local.RunInputs", inputs)
	if len(failures) > 0 {
		return &pulumirpc.InvokeResponse{Failures: failures}, nil
	}
	ctx, end := p.begin(ctx)
	defer end()
	state, err := p.local(ctx, "", nil, inputs, "command")
	if err != nil {
		return nil, err
	}
	result, err := marshal(state)
	return &pulumirpc.InvokeResponse{Return: result}, err
}

func unmarshal(properties *structpb.Struct) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(properties, plugin.MarshalOptions{
		KeepUnknowns: true, KeepSecrets: true, KeepResources: true, ComputeAssetHashes: true,
	})
}

func marshal(properties resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(properties, plugin.MarshalOptions{
		KeepUnknowns: true, KeepSecrets: true, KeepResources: true, ComputeAssetHashes: true,
	})
}

// decode copies properties, without what says that they are secret, into a struct with json tags.
func decode(properties resource.PropertyMap, into any) error {
	bare := make(map[string]any, len(properties))
	for key, value := range properties {
		if value := unwrap(value); !value.IsAsset() && !value.IsArchive() && key != "triggers" && key != "assets" {
			bare[string(key)] = plain(value)
		}
	}
	text, err := json.Marshal(bare)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// plain is a value as JSON has it: secrets inside of it are values like any other.
func plain(value resource.PropertyValue) any {
	return unwrap(value).MapRepl(nil, func(inner resource.PropertyValue) (any, bool) {
		if bare := unwrap(inner); inner.IsSecret() || inner.IsOutput() && !bare.IsOutput() {
			return plain(bare), true
		}
		return nil, false
	})
}
