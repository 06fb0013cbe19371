import * as pulumi from "@pulumi/pulumi";
export declare function getNodeInfo(args?: GetNodeInfoArgs, opts?: pulumi.InvokeOptions): Promise<GetNodeInfoResult>;
/**
 * A collection of arguments for invoking getNodeInfo.
 */
export interface GetNodeInfoArgs {
    id?: string;
}
/**
 * A collection of values returned by getNodeInfo.
 */
export interface GetNodeInfoResult {
    readonly cpuCoresPerSocket: number;
    readonly cpuCoresTotal: number;
    readonly cpuModel: string;
    readonly cpuSockets: number;
    readonly cpuThreadsPerCore: number;
    readonly id: string;
    readonly memoryTotalKb: number;
    readonly numaNodes: number;
}
export declare function getNodeInfoOutput(args?: GetNodeInfoOutputArgs, opts?: pulumi.InvokeOutputOptions): pulumi.Output<GetNodeInfoResult>;
/**
 * A collection of arguments for invoking getNodeInfo.
 */
export interface GetNodeInfoOutputArgs {
    id?: pulumi.Input<string | undefined>;
}
