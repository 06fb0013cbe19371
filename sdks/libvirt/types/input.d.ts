import * as pulumi from "@pulumi/pulumi";
import * as inputs from "../types/input";
export interface DomainBootDevice {
    devs?: pulumi.Input<pulumi.Input<string>[] | undefined>;
}
export interface DomainConsole {
    sourceHost?: pulumi.Input<string | undefined>;
    sourcePath?: pulumi.Input<string | undefined>;
    sourceService?: pulumi.Input<string | undefined>;
    targetPort: pulumi.Input<string>;
    targetType?: pulumi.Input<string | undefined>;
    type: pulumi.Input<string>;
}
export interface DomainCpu {
    mode?: pulumi.Input<string | undefined>;
}
export interface DomainDisk {
    blockDevice?: pulumi.Input<string | undefined>;
    file?: pulumi.Input<string | undefined>;
    scsi?: pulumi.Input<boolean | undefined>;
    url?: pulumi.Input<string | undefined>;
    volumeId?: pulumi.Input<string | undefined>;
    wwn?: pulumi.Input<string | undefined>;
}
export interface DomainFilesystem {
    accessmode?: pulumi.Input<string | undefined>;
    readonly?: pulumi.Input<boolean | undefined>;
    source: pulumi.Input<string>;
    target: pulumi.Input<string>;
}
export interface DomainGraphics {
    autoport?: pulumi.Input<boolean | undefined>;
    listenAddress?: pulumi.Input<string | undefined>;
    listenType?: pulumi.Input<string | undefined>;
    type?: pulumi.Input<string | undefined>;
    websocket?: pulumi.Input<number | undefined>;
}
export interface DomainNetworkInterface {
    addresses?: pulumi.Input<pulumi.Input<string>[] | undefined>;
    bridge?: pulumi.Input<string | undefined>;
    hostname?: pulumi.Input<string | undefined>;
    mac?: pulumi.Input<string | undefined>;
    macvtap?: pulumi.Input<string | undefined>;
    networkId?: pulumi.Input<string | undefined>;
    networkName?: pulumi.Input<string | undefined>;
    passthrough?: pulumi.Input<string | undefined>;
    private?: pulumi.Input<string | undefined>;
    vepa?: pulumi.Input<string | undefined>;
    waitForLease?: pulumi.Input<boolean | undefined>;
}
export interface DomainNvram {
    file?: pulumi.Input<string | undefined>;
    template?: pulumi.Input<string | undefined>;
}
export interface DomainTimeouts {
    create?: pulumi.Input<string | undefined>;
}
export interface DomainTpm {
    backendDevicePath?: pulumi.Input<string | undefined>;
    backendEncryptionSecret?: pulumi.Input<string | undefined>;
    backendPersistentState?: pulumi.Input<boolean | undefined>;
    backendType?: pulumi.Input<string | undefined>;
    backendVersion?: pulumi.Input<string | undefined>;
    model?: pulumi.Input<string | undefined>;
}
export interface DomainVideo {
    type?: pulumi.Input<string | undefined>;
}
export interface DomainXml {
    xslt?: pulumi.Input<string | undefined>;
}
export interface GetNodeDeviceInfoCapability {
    address?: string;
    block?: string;
    bus?: string;
    capability?: {
        [key: string]: string;
    };
    class?: string;
    description?: string;
    device?: string;
    domain?: string;
    driveType?: string;
    drmType?: string;
    features?: string[];
    firmware?: {
        [key: string]: string;
    };
    function?: string;
    hardware?: {
        [key: string]: string;
    };
    host?: string;
    interface?: string;
    iommuGroup?: inputs.GetNodeDeviceInfoCapabilityIommuGroup;
    link?: {
        [key: string]: string;
    };
    logicalBlockSize?: string;
    lun?: string;
    model?: string;
    numBlocks?: string;
    number?: string;
    product?: {
        [key: string]: string;
    };
    protocol?: string;
    scsiType?: string;
    serial?: string;
    size?: string;
    slot?: string;
    subclass?: string;
    target?: string;
    type?: string;
    uniqueId?: string;
    vendor?: {
        [key: string]: string;
    };
}
export interface GetNodeDeviceInfoCapabilityArgs {
    address?: pulumi.Input<string | undefined>;
    block?: pulumi.Input<string | undefined>;
    bus?: pulumi.Input<string | undefined>;
    capability?: pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    } | undefined>;
    class?: pulumi.Input<string | undefined>;
    description?: pulumi.Input<string | undefined>;
    device?: pulumi.Input<string | undefined>;
    domain?: pulumi.Input<string | undefined>;
    driveType?: pulumi.Input<string | undefined>;
    drmType?: pulumi.Input<string | undefined>;
    features?: pulumi.Input<pulumi.Input<string>[] | undefined>;
    firmware?: pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    } | undefined>;
    function?: pulumi.Input<string | undefined>;
    hardware?: pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    } | undefined>;
    host?: pulumi.Input<string | undefined>;
    interface?: pulumi.Input<string | undefined>;
    iommuGroup?: pulumi.Input<inputs.GetNodeDeviceInfoCapabilityIommuGroupArgs | undefined>;
    link?: pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    } | undefined>;
    logicalBlockSize?: pulumi.Input<string | undefined>;
    lun?: pulumi.Input<string | undefined>;
    model?: pulumi.Input<string | undefined>;
    numBlocks?: pulumi.Input<string | undefined>;
    number?: pulumi.Input<string | undefined>;
    product?: pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    } | undefined>;
    protocol?: pulumi.Input<string | undefined>;
    scsiType?: pulumi.Input<string | undefined>;
    serial?: pulumi.Input<string | undefined>;
    size?: pulumi.Input<string | undefined>;
    slot?: pulumi.Input<string | undefined>;
    subclass?: pulumi.Input<string | undefined>;
    target?: pulumi.Input<string | undefined>;
    type?: pulumi.Input<string | undefined>;
    uniqueId?: pulumi.Input<string | undefined>;
    vendor?: pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    } | undefined>;
}
export interface GetNodeDeviceInfoCapabilityIommuGroup {
    addresses?: {
        [key: string]: string;
    }[];
    number?: string;
}
export interface GetNodeDeviceInfoCapabilityIommuGroupArgs {
    addresses?: pulumi.Input<pulumi.Input<{
        [key: string]: pulumi.Input<string>;
    }>[] | undefined>;
    number?: pulumi.Input<string | undefined>;
}
export interface NetworkDhcp {
    enabled?: pulumi.Input<boolean | undefined>;
}
export interface NetworkDns {
    enabled?: pulumi.Input<boolean | undefined>;
    forwarders?: pulumi.Input<pulumi.Input<inputs.NetworkDnsForwarder>[] | undefined>;
    hosts?: pulumi.Input<pulumi.Input<inputs.NetworkDnsHost>[] | undefined>;
    localOnly?: pulumi.Input<boolean | undefined>;
    srvs?: pulumi.Input<pulumi.Input<inputs.NetworkDnsSrv>[] | undefined>;
}
export interface NetworkDnsForwarder {
    address?: pulumi.Input<string | undefined>;
    domain?: pulumi.Input<string | undefined>;
}
export interface NetworkDnsHost {
    hostname?: pulumi.Input<string | undefined>;
    ip?: pulumi.Input<string | undefined>;
}
export interface NetworkDnsSrv {
    domain?: pulumi.Input<string | undefined>;
    port?: pulumi.Input<string | undefined>;
    priority?: pulumi.Input<string | undefined>;
    protocol?: pulumi.Input<string | undefined>;
    service?: pulumi.Input<string | undefined>;
    target?: pulumi.Input<string | undefined>;
    weight?: pulumi.Input<string | undefined>;
}
export interface NetworkDnsmasqOptions {
    options?: pulumi.Input<pulumi.Input<inputs.NetworkDnsmasqOptionsOption>[] | undefined>;
}
export interface NetworkDnsmasqOptionsOption {
    optionName?: pulumi.Input<string | undefined>;
    optionValue?: pulumi.Input<string | undefined>;
}
export interface NetworkRoute {
    cidr: pulumi.Input<string>;
    gateway: pulumi.Input<string>;
}
export interface NetworkXml {
    xslt?: pulumi.Input<string | undefined>;
}
export interface PoolSource {
    devices?: pulumi.Input<pulumi.Input<inputs.PoolSourceDevice>[] | undefined>;
    name?: pulumi.Input<string | undefined>;
}
export interface PoolSourceDevice {
    path?: pulumi.Input<string | undefined>;
}
export interface PoolTarget {
    path?: pulumi.Input<string | undefined>;
}
export interface PoolXml {
    xslt?: pulumi.Input<string | undefined>;
}
export interface VolumeXml {
    xslt?: pulumi.Input<string | undefined>;
}
