<?xml version="1.0"?>
<!--
  <both> has two definitions of one domain: as it was made, and as it is now. What a person has added is a device, an
  element or an argument of QEMU that was not made. MODE says what is printed:
    own    the one that is now, without additions
    asked  the one that was made, with the values of the spec
    whole  the same, and the additions
    moved  the disks whose source is another file now: target, pool and volume, or a hyphen for each, and file
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <xsl:output omit-xml-declaration="yes" indent="yes"/>
  <xsl:strip-space elements="*"/>
  <xsl:param name="mode"/>
  <xsl:param name="kib"/>
  <xsl:param name="vcpus"/>
  <xsl:param name="type"/>
  <xsl:param name="cpu"/>
  <xsl:param name="device"/>
  <xsl:param name="proven"/>
  <xsl:variable name="made" select="/both/domain[1]"/>
  <xsl:variable name="now" select="/both/domain[2]"/>
  <xsl:variable name="devices">
    <xsl:for-each select="$made/devices/*"><xsl:call-template name="id"/></xsl:for-each>
    <!-- What a domain that was made before has not been made with. -->
    <xsl:text>|panic |</xsl:text>
  </xsl:variable>

  <!-- What tells a device from others of its kind. -->
  <xsl:template name="id">
    <xsl:value-of select="concat('|', name(), ' ')"/>
    <xsl:choose>
      <xsl:when test="mac"><xsl:value-of select="mac/@address"/></xsl:when>
      <xsl:when test="target"><xsl:value-of select="concat(target/@dev, target/@dir, target/@name, target/@port)"/></xsl:when>
      <xsl:when test="@index"><xsl:value-of select="concat(@type, @index)"/></xsl:when>
      <xsl:when test="@bus"><xsl:value-of select="concat(@type, @bus)"/></xsl:when>
      <xsl:when test="address"><xsl:value-of select="concat(address/@bus, address/@slot, address/@function)"/></xsl:when>
    </xsl:choose>
    <xsl:text>|</xsl:text>
  </xsl:template>

  <xsl:template match="/">
    <xsl:choose>
      <xsl:when test="$mode = 'own'"><xsl:apply-templates select="$now"/></xsl:when>
      <xsl:when test="$mode = 'moved'"><xsl:apply-templates select="$made/devices/disk" mode="moved"/></xsl:when>
      <xsl:otherwise><xsl:apply-templates select="$made"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template match="disk" mode="moved">
    <xsl:variable name="disk" select="$now/devices/disk[target/@dev = current()/target/@dev]"/>
    <xsl:if test="$disk/source/@file and not($disk/source/@file = source/@file)">
      <xsl:value-of select="concat(target/@dev, ' ')"/>
      <xsl:choose>
        <xsl:when test="source/@volume"><xsl:value-of select="concat(source/@pool, ' ', source/@volume)"/></xsl:when>
        <xsl:otherwise>- -</xsl:otherwise>
      </xsl:choose>
      <xsl:value-of select="concat(' ', $disk/source/@file, '&#10;')"/>
    </xsl:if>
  </xsl:template>

  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>

  <xsl:template match="domain">
    <xsl:copy>
      <xsl:apply-templates select="@*"/>
      <xsl:for-each select="*">
        <xsl:if test="$made/*[name() = name(current())]"><xsl:apply-templates select="."/></xsl:if>
      </xsl:for-each>
      <xsl:if test="$mode = 'whole'">
        <xsl:for-each select="$now/*">
          <xsl:if test="not($made/*[name() = name(current())])"><xsl:copy-of select="."/></xsl:if>
        </xsl:for-each>
      </xsl:if>
    </xsl:copy>
  </xsl:template>

  <xsl:template match="devices">
    <xsl:copy>
      <xsl:for-each select="*">
        <xsl:variable name="id"><xsl:call-template name="id"/></xsl:variable>
        <xsl:if test="contains($devices, $id)"><xsl:apply-templates select="." mode="device"/></xsl:if>
      </xsl:for-each>
      <xsl:if test="$mode != 'own' and not(panic)"><panic model="isa"/></xsl:if>
      <xsl:if test="$mode = 'whole'">
        <xsl:for-each select="$now/devices/*">
          <xsl:variable name="id"><xsl:call-template name="id"/></xsl:variable>
          <xsl:if test="not(contains($devices, $id))"><xsl:copy-of select="."/></xsl:if>
        </xsl:for-each>
      </xsl:if>
    </xsl:copy>
  </xsl:template>

  <xsl:template match="*" mode="device"><xsl:copy-of select="."/></xsl:template>
  <!-- Of a domain that was made before: a snapshot takes all disks that can be written to. -->
  <xsl:template match="/both/domain[1]/devices/disk[contains(concat(source/@volume, source/@file), '-seed.iso')]" mode="device">
    <xsl:copy>
      <xsl:copy-of select="@*|node()"/>
      <xsl:if test="$proven != '' and not(readonly)"><readonly/></xsl:if>
    </xsl:copy>
  </xsl:template>

  <!-- A kernel that is booted directly is given later, or by a person: own-kernel.sh. -->
  <xsl:template match="os">
    <xsl:copy>
      <xsl:apply-templates select="@*"/>
      <xsl:copy-of select="*[not(self::kernel or self::initrd or self::cmdline)]"/>
      <xsl:if test="$mode = 'whole'">
        <xsl:copy-of select="$now/os/*[self::kernel or self::initrd or self::cmdline]"/>
      </xsl:if>
    </xsl:copy>
  </xsl:template>

  <!-- Its own part is the stub: -gdb and what comes after it. -->
  <xsl:template match="qemu:commandline">
    <xsl:copy>
      <xsl:apply-templates select="*[@value = '-gdb' or preceding-sibling::*[1]/@value = '-gdb']"/>
      <xsl:if test="$mode = 'whole'">
        <xsl:copy-of select="$now/qemu:commandline/*[not(@value = '-gdb' or preceding-sibling::*[1]/@value = '-gdb')]"/>
      </xsl:if>
    </xsl:copy>
  </xsl:template>

  <!-- A guest that panics stays as it is, and its memory can be read. -->
  <xsl:template match="/both/domain[1]/on_crash/text()">preserve</xsl:template>
  <xsl:template match="/both/domain[1]/features">
    <xsl:copy>
      <xsl:apply-templates select="@*|node()"/>
      <xsl:if test="not(vmcoreinfo)"><vmcoreinfo state="on"/></xsl:if>
    </xsl:copy>
  </xsl:template>
  <xsl:template match="/both/domain[1]/@type"><xsl:attribute name="type"><xsl:value-of select="$type"/></xsl:attribute></xsl:template>
  <xsl:template match="/both/domain[1]/memory/text()|/both/domain[1]/currentMemory/text()"><xsl:value-of select="$kib"/></xsl:template>
  <xsl:template match="/both/domain[1]/vcpu/text()"><xsl:value-of select="$vcpus"/></xsl:template>
  <xsl:template match="/both/domain[1]/cpu">
    <xsl:choose>
      <xsl:when test="@mode = $cpu"><xsl:copy-of select="."/></xsl:when>
      <xsl:otherwise><cpu mode="{$cpu}"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>
  <xsl:template match="/both/domain[1]/qemu:commandline/*[preceding-sibling::*[1]/@value = '-gdb']/@value">
    <xsl:attribute name="value"><xsl:value-of select="$device"/></xsl:attribute>
  </xsl:template>
</xsl:stylesheet>
